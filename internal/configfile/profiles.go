package configfile

import (
	"fmt"
	"slices"
)

// WithProfiles returns the file with the profiles on top, in the order that they are
// named in. f stays as it is. The error is an [*Errors]: for a profile that doesn't
// exist (without a line), or one that changes an image that doesn't.
func (f *File) WithProfiles(names []string) (*File, error) {
	out := *f
	out.Images = slices.Clone(f.Images)
	var errs []*Error
	for _, name := range names {
		i := slices.IndexFunc(f.Profiles, func(p Profile) bool { return p.Name == name })
		if i < 0 {
			errs = append(errs, f.noProfile(name))
			continue
		}
		p := f.Profiles[i]
		out.Defaults = p.Defaults.Over(out.Defaults)
		for _, image := range p.Images {
			switch at := imageNamed(out.Images, image.Name); {
			case at >= 0:
				out.Images[at].Settings = image.Over(out.Images[at].Settings)
			case image.Package.IsSet():
				out.Images = append(out.Images, image)
			default:
				errs = append(errs, noImage(p, image, out.Images))
			}
		}
	}
	if len(errs) > 0 {
		return nil, joined(errs)
	}
	return &out, nil
}

func (f *File) noProfile(name string) *Error {
	var known []string
	for _, p := range f.Profiles {
		known = append(known, p.Name)
	}
	e := &Error{Pos: Pos{File: f.Path}, Path: "profiles", Reason: fmt.Sprintf("there is no profile %s", quote(name))}
	switch near := nearest(name, known); {
	case near != "":
		e.Hint = meant(near)
	case len(known) > 0:
		e.Hint = "write " + alternatives(known)
	default:
		e.Hint = "the file has no profiles"
	}
	return e
}

func noImage(p Profile, image Image, images []Image) *Error {
	var known []string
	for _, i := range images {
		known = append(known, i.Name)
	}
	e := &Error{
		Pos: image.Pos, Path: child(child("profiles", p.Name)+".images", image.Name),
		Reason: "there is no image with this name to change, and without a package it is no new one",
		Hint:   "give it a package",
	}
	if near := nearest(image.Name, known); near != "" {
		e.Hint = meant(near)
	}
	return e
}

// checkProfiles finds changes of images that no choice of profiles could make possible.
func (f *File) checkProfiles(d *decoder) {
	possible := slices.Clone(f.Images)
	for _, p := range f.Profiles {
		for _, image := range p.Images {
			if image.Package.IsSet() {
				possible = append(possible, image)
			}
		}
	}
	for _, p := range f.Profiles {
		for _, image := range p.Images {
			if imageNamed(possible, image.Name) < 0 {
				d.errs = append(d.errs, noImage(p, image, possible))
			}
		}
	}
}
