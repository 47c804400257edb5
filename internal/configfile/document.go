package configfile

import (
	"slices"
	"strings"
)

// settingsObject is `defaults`, an image, or in a profile the changes of one. Its schema
// refers to those of the keys, which are in one place.
func settingsObject(at place, want string, complete bool) object[Settings] {
	o := object[Settings]{want: want, foreign: foreignSettings()}
	for _, f := range settingKeys() {
		if f.place&at == 0 {
			continue
		}
		f.required = f.required && complete
		f.schema = func() schema { return schema{"$ref": "#/$defs/" + f.name} }
		o.fields = append(o.fields, f)
	}
	return o
}

func defaultsObject() object[Settings] {
	o := settingsObject(inDefaults, "a mapping of settings for all images", true)
	o.empty = true
	return o
}

const wantImages = "a mapping of images by name"

func images(complete bool) kind[[]Image] {
	o := settingsObject(inImage, "a mapping of settings", complete)
	o.empty = !complete
	if complete {
		o.short = "write {package: ./cmd/server}"
	}
	return orEmpty(entries[[]Image](wantImages, "write NAME: and the settings below it", imageName, o.kind(),
		func(name string, at Pos, s Settings) Image { return Image{Name: name, Pos: at, Settings: s} }))
}

// profileObject is what a profile changes.
func profileObject() object[Profile] {
	return object[Profile]{
		want: "a mapping with defaults and images", empty: true, foreign: foreignDocument(),
		fields: []field[Profile]{
			key("defaults", "Changes of the settings for all images.", `defaults: {platforms: [linux/amd64]}`,
				defaultsObject().kind(), func(p *Profile) *Settings { return &p.Defaults }),
			key("images", "Changes of images, by name; an image that isn't below `images` at the top has to be complete, with `package`.", `images: {server: {tags: [dev]}}`,
				images(false), func(p *Profile) *[]Image { return &p.Images }),
		},
	}
}

// documentObject is the whole file.
func documentObject() object[File] {
	var version Value[int64] // there is nothing to keep
	profiles := orEmpty(entries[[]Profile]("a mapping of profiles by name", "write NAME: with defaults or images below it", profileName, profileObject().kind(),
		func(name string, at Pos, p Profile) Profile { p.Name, p.Pos = name, at; return p }))
	return object[File]{
		want: "a mapping with defaults, images and profiles", empty: true, extensions: true, foreign: foreignDocument(),
		fields: []field[File]{
			key("version", "The version of the file's format. There is only the first.", `version: 1`,
				number("1, the only version of this format", "version: 1", 1, 1), func(*File) *Value[int64] { return &version }),
			key("defaults", "Settings for all images, those that are named on the command line by their package included.", `defaults: {base: distroless}`,
				defaultsObject().kind(), func(f *File) *Settings { return &f.Defaults }),
			key("images", "The images by name. What an image says goes before what `defaults` says.", `images: {server: {package: ./cmd/server}}`,
				images(true), func(f *File) *[]Image { return &f.Images }),
			key("profiles", "Sets of changes by name, chosen with `--profile`.", `profiles: {dev: {defaults: {platforms: [linux/amd64]}}}`,
				profiles, func(f *File) *[]Profile { return &f.Profiles }),
		},
	}
}

// keyPlaces says of each key where it belongs, for when it is elsewhere.
func keyPlaces() map[string]string {
	out := map[string]string{
		"defaults": "defaults is a key of the file itself or of a profile",
		"images":   "images is a key of the file itself or of a profile",
		"profiles": "profiles is a key of the file itself",
		"version":  "version is a key of the file itself",
	}
	for _, f := range settingKeys() {
		switch f.place {
		case inImage:
			out[f.name] = f.name + " belongs into an image: images: {NAME: {" + f.name + ": …}}"
		case inDefaults:
			out[f.name] = f.name + " belongs into defaults"
		default:
			out[f.name] = f.name + " belongs into defaults or an image"
		}
	}
	out["repository"] = "repository belongs into an image; repo in defaults is a prefix for all"
	out["repo"] = "repo belongs into defaults; an image has repository"
	return out
}

func splitComma(s string) []string { return strings.Split(s, ",") }

// joinFields puts commas where blanks were.
func joinFields(s string) string {
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r == ' ' || r == ',' || r == '\t' }), ",")
}

func imageNamed(images []Image, name string) int {
	return slices.IndexFunc(images, func(i Image) bool { return i.Name == name })
}
