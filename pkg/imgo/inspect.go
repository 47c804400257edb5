package imgo

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/imgo-build/imgo/pkg/image"
	"github.com/imgo-build/imgo/pkg/publish"
)

// Inspection is what is in an image, or in each image of an index.
type Inspection struct {
	Reference   string            `json:"reference"` // as asked for
	Names       []string          `json:"names,omitempty"`
	Digest      string            `json:"digest"`
	MediaType   string            `json:"mediaType"`
	Annotations map[string]string `json:"annotations,omitempty"`
	Images      []InspectedImage  `json:"images"`
}

// InspectedImage is the image of one platform.
type InspectedImage struct {
	Platform    string            `json:"platform"` // "unknown" where its config doesn't tell
	Digest      string            `json:"digest"`
	MediaType   string            `json:"mediaType"`
	Size        int64             `json:"size"` // bytes of all layers, compressed
	Created     time.Time         `json:"created,omitzero"`
	Author      string            `json:"author,omitempty"`
	Base        *InspectedBase    `json:"base,omitempty"` // nil where there is none, or nobody knows
	Config      InspectedConfig   `json:"config"`
	Annotations map[string]string `json:"annotations,omitempty"`
	Layers      []InspectedLayer  `json:"layers"` // from the bottom
	Groups      []LayerGroup      `json:"groups"` // the layers by kind, the lowest first
	// Programs is nil where layers were not looked into for it.
	Programs []InspectedProgram `json:"programs,omitzero"`
}

// InspectedConfig is a config as it is, with all that a health check may say.
type InspectedConfig struct {
	v1.Config
	Healthcheck *image.Healthcheck `json:"Healthcheck,omitempty"`
}

// InspectOptions are what an inspection is about.
type InspectOptions struct {
	// Platforms are those to look at; none, or "all", stand for all there are.
	Platforms []string
	// BuildInfo looks for programs in all layers that are not the base's, which for an
	// image in a registry are downloaded. Without it, programs are looked at in the
	// layers that imgo made for them, where there is one image and it is in a file.
	BuildInfo bool
}

// NoPlatformError is an image that is not there for a platform.
type NoPlatformError struct {
	Platform string
	Have     []string
}

func (e *NoPlatformError) Error() string {
	return fmt.Sprintf("there is no image for %s, only for: %s", e.Platform, strings.Join(e.Have, ", "))
}

// Inspect looks at a reference, a tarball or a layout. It reads manifests, configs
// and, as the options say, programs. An archive with several images yields several
// inspections.
//
// Errors: [*NoPlatformError], [*LayerError], and those of pkg/publish.
func (c *Client) Inspect(ctx context.Context, arg string, o InspectOptions) ([]Inspection, error) {
	platforms, err := wantedPlatforms(o.Platforms)
	if err != nil {
		return nil, err
	}
	s, err := c.open(ctx, arg)
	if err != nil {
		return nil, err
	}
	defer s.archive.Close()
	var out []Inspection
	for _, e := range s.entries {
		one, images, err := s.inspect(e, platforms)
		if err != nil {
			return nil, err
		}
		if o.BuildInfo || !s.remote() && len(images) == 1 {
			for i, img := range images {
				if err := c.addPrograms(ctx, s, img, &one.Images[i], o.BuildInfo, nil); err != nil {
					return nil, err
				}
			}
		}
		out = append(out, one)
	}
	return out, nil
}

// subject is what an argument stands for.
type subject struct {
	arg     string
	ref     name.Reference   // nil where it is in a file
	archive *publish.Archive // of nothing where it is in a registry
	entries []publish.Entry
}

func (c *Client) open(ctx context.Context, arg string) (*subject, error) {
	if IsArchive(arg) {
		archive, err := c.openArchive(ctx, arg)
		if err != nil {
			return nil, err
		}
		return &subject{arg: arg, archive: archive, entries: archive.Entries()}, nil
	}
	ref, err := name.ParseReference(arg)
	if err != nil {
		return nil, fmt.Errorf("%q is neither a reference, nor FILE.tar, nor oci:DIR: %w", arg, err)
	}
	a, err := c.registry.Fetch(ctx, ref)
	if err != nil {
		return nil, err
	}
	return &subject{arg: arg, ref: ref, archive: &publish.Archive{}, entries: []publish.Entry{{Artifact: a}}}, nil
}

func (s *subject) remote() bool { return s.ref != nil }

// classify gives what a registry answers its type.
func (s *subject) classify(err error) error {
	if err == nil || !s.remote() {
		return err
	}
	return publish.Classify(s.ref.Context(), false, false, err)
}

// maxImages bounds the images of an index, each of which costs two requests.
const maxImages = 500

// inspect describes an image or index, and returns the images that it describes.
func (s *subject) inspect(e publish.Entry, platforms []string) (Inspection, []v1.Image, error) {
	out, err := s.describe(e)
	if err != nil {
		return out, nil, err
	}
	members, have, err := s.members(e.Artifact, &out, platforms)
	if err != nil {
		return out, nil, err
	}
	var found []v1.Image
	for _, m := range members {
		one, err := inspectImage(m.image)
		if err != nil {
			return out, nil, s.classify(err)
		}
		if m.platform != "" {
			one.Platform = m.platform
		}
		if !slices.Contains(have, one.Platform) {
			have = append(have, one.Platform)
		}
		if len(platforms) == 0 || slices.Contains(platforms, one.Platform) {
			out.Images, found = append(out.Images, one), append(found, m.image)
		}
	}
	for _, p := range platforms {
		if !slices.ContainsFunc(out.Images, func(i InspectedImage) bool { return i.Platform == p }) {
			return out, nil, &NoPlatformError{Platform: p, Have: have}
		}
	}
	return out, found, nil
}

func (s *subject) describe(e publish.Entry) (Inspection, error) {
	digest, err := e.Artifact.Digest()
	if err != nil {
		return Inspection{}, s.classify(err)
	}
	mediaType, err := e.Artifact.MediaType()
	if err != nil {
		return Inspection{}, s.classify(err)
	}
	return Inspection{Reference: s.arg, Names: e.Names, Digest: digest.String(), MediaType: string(mediaType), Images: []InspectedImage{}}, nil
}

// member is an image, and the platform that it is for as an index says it, which has
// more to say than many configs: of linux/arm/v6 these often leave out the v6.
type member struct {
	image    v1.Image
	platform string
}

// members are the images of an artifact that may be for one of the platforms, none of
// which stands for all. have lists the platforms that an index speaks of.
func (s *subject) members(a image.Artifact, out *Inspection, platforms []string) (members []member, have []string, err error) {
	index, ok := a.(v1.ImageIndex)
	if !ok {
		return []member{{image: a.(v1.Image)}}, nil, nil
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		return nil, nil, s.classify(err)
	}
	out.Annotations = manifest.Annotations
	for _, d := range manifest.Manifests {
		if !d.MediaType.IsImage() || (d.Platform != nil && d.Platform.OS == "unknown") {
			continue // attestations and whatever else an index may hold
		}
		m := member{}
		if d.Platform != nil && d.Platform.OS != "" {
			m.platform = image.PlatformString(*d.Platform)
			if !slices.Contains(have, m.platform) {
				have = append(have, m.platform)
			}
			if len(platforms) > 0 && !slices.Contains(platforms, m.platform) {
				continue
			}
		}
		if len(members) == maxImages {
			return nil, nil, fmt.Errorf("the index lists more than %d images", maxImages)
		}
		if m.image, err = index.Image(d.Digest); err != nil {
			return nil, nil, s.classify(err)
		}
		members = append(members, m)
	}
	return members, have, nil
}

// maxConfig is what a config may have in bytes, which is read into memory.
const maxConfig = 4 << 20

func inspectImage(img v1.Image) (InspectedImage, error) {
	digest, err := img.Digest()
	if err != nil {
		return InspectedImage{}, err
	}
	manifest, err := img.Manifest()
	switch {
	case err != nil:
		return InspectedImage{}, err
	case manifest.Config.Size > maxConfig || len(manifest.Layers) > image.MaxLayers:
		return InspectedImage{}, fmt.Errorf("image %s has a config of %d bytes and %d layers; imgo takes %d and %d at most",
			digest, manifest.Config.Size, len(manifest.Layers), maxConfig, image.MaxLayers)
	}
	config, err := img.ConfigFile()
	if err != nil {
		return InspectedImage{}, fmt.Errorf("reading the config of image %s: %w", digest, err)
	}
	out := InspectedImage{
		Platform:    "unknown",
		Digest:      digest.String(),
		MediaType:   string(manifest.MediaType),
		Created:     config.Created.Time,
		Author:      config.Author,
		Config:      InspectedConfig{Config: config.Config},
		Annotations: manifest.Annotations,
		Layers:      []InspectedLayer{},
	}
	if p := config.Platform(); p != nil {
		out.Platform = image.PlatformString(*p)
	}
	raw, err := img.RawConfigFile()
	if err != nil {
		return InspectedImage{}, err
	}
	if out.Config.Healthcheck, err = healthcheck(raw); err != nil {
		return InspectedImage{}, fmt.Errorf("reading the health check of image %s: %w", digest, err)
	}
	out.addLayers(manifest, config)
	out.addBase(config)
	return out, nil
}

// healthcheck reads what v1.HealthConfig leaves out too.
func healthcheck(config []byte) (*image.Healthcheck, error) {
	var c struct {
		Config struct {
			Healthcheck *image.Healthcheck
		} `json:"config"`
	}
	err := json.Unmarshal(config, &c)
	return c.Config.Healthcheck, err
}

// wantedPlatforms are platforms in canonical form. Those that imgo can't build for
// may be in an index too.
func wantedPlatforms(list []string) ([]string, error) {
	var out []string
	for _, s := range list {
		if s == "all" {
			return nil, nil
		}
		p, err := v1.ParsePlatform(strings.ToLower(s))
		if err != nil || p.OS == "" || p.Architecture == "" {
			linux, err := image.ParsePlatform(s)
			if err != nil {
				return nil, err
			}
			p = &linux
		}
		out = append(out, image.PlatformString(*p))
	}
	return out, nil
}
