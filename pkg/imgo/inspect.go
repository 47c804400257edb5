package imgo

import (
	"context"
	"fmt"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/imgo-build/imgo/pkg/image"
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
	Platform    string            `json:"platform"`
	Digest      string            `json:"digest"`
	Size        int64             `json:"size"` // bytes of all layers, compressed
	Created     time.Time         `json:"created"`
	BaseName    string            `json:"baseName,omitempty"`
	BaseDigest  string            `json:"baseDigest,omitempty"`
	Config      v1.Config         `json:"config"`
	Annotations map[string]string `json:"annotations,omitempty"`
	Layers      []InspectedLayer  `json:"layers"`
}

// InspectedLayer is a layer, from the bottom.
type InspectedLayer struct {
	Digest    string `json:"digest"`
	DiffID    string `json:"diffID"`
	MediaType string `json:"mediaType"`
	Size      int64  `json:"size"` // bytes, compressed
	CreatedBy string `json:"createdBy,omitempty"`
}

// Inspect looks at a reference, a tarball or a layout. It reads manifests and
// configs and no layers. An archive with several images yields several inspections.
func (c *Client) Inspect(ctx context.Context, arg string) ([]Inspection, error) {
	if !IsArchive(arg) {
		ref, err := name.ParseReference(arg)
		if err != nil {
			return nil, fmt.Errorf("%q is neither a reference, nor FILE.tar, nor oci:DIR: %w", arg, err)
		}
		a, err := c.registry.Fetch(ctx, ref)
		if err != nil {
			return nil, err
		}
		one, err := inspect(arg, nil, a)
		return []Inspection{one}, err
	}
	archive, err := c.openArchive(ctx, arg)
	if err != nil {
		return nil, err
	}
	defer archive.Close()
	var out []Inspection
	for _, e := range archive.Entries() {
		one, err := inspect(arg, e.Names, e.Artifact)
		if err != nil {
			return nil, err
		}
		out = append(out, one)
	}
	return out, nil
}

func inspect(ref string, names []string, a image.Artifact) (Inspection, error) {
	digest, err := a.Digest()
	if err != nil {
		return Inspection{}, err
	}
	mediaType, err := a.MediaType()
	if err != nil {
		return Inspection{}, err
	}
	out := Inspection{Reference: ref, Names: names, Digest: digest.String(), MediaType: string(mediaType)}
	index, isIndex := a.(v1.ImageIndex)
	if !isIndex {
		img, err := inspectImage(a.(v1.Image))
		out.Images = []InspectedImage{img}
		return out, err
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		return Inspection{}, err
	}
	out.Annotations = manifest.Annotations
	for _, d := range manifest.Manifests {
		if !d.MediaType.IsImage() || (d.Platform != nil && d.Platform.OS == "unknown") {
			continue // attestations and whatever else an index may hold
		}
		img, err := index.Image(d.Digest)
		if err != nil {
			return Inspection{}, err
		}
		one, err := inspectImage(img)
		if err != nil {
			return Inspection{}, err
		}
		out.Images = append(out.Images, one)
	}
	return out, nil
}

func inspectImage(img v1.Image) (InspectedImage, error) {
	digest, err := img.Digest()
	if err != nil {
		return InspectedImage{}, err
	}
	manifest, err := img.Manifest()
	if err != nil {
		return InspectedImage{}, err
	}
	config, err := img.ConfigFile()
	if err != nil {
		return InspectedImage{}, err
	}
	out := InspectedImage{
		Platform:    image.PlatformString(*config.Platform()),
		Digest:      digest.String(),
		Created:     config.Created.Time,
		Config:      config.Config,
		Annotations: manifest.Annotations,
		BaseName:    config.Config.Labels["org.opencontainers.image.base.name"],
		BaseDigest:  config.Config.Labels["org.opencontainers.image.base.digest"],
	}
	created := image.LayerHistory(config)
	for i, l := range manifest.Layers {
		layer := InspectedLayer{Digest: l.Digest.String(), MediaType: string(l.MediaType), Size: l.Size}
		if i < len(config.RootFS.DiffIDs) {
			layer.DiffID = config.RootFS.DiffIDs[i].String()
		}
		if i < len(created) {
			layer.CreatedBy = created[i]
		}
		out.Size += l.Size
		out.Layers = append(out.Layers, layer)
	}
	return out, nil
}
