package image

import (
	"bytes"
	"encoding/json"
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// CheckBase reports whether images can be assembled on img: a [*BaseError] where
// they can't, another error where its manifest or config can't be had. name is what
// the error calls it.
func CheckBase(name string, img v1.Image) error {
	_, err := readBase(name, img)
	return err
}

// HasHealthcheck reports whether img brings a health check with it, which argues
// for Docker's media types.
func HasHealthcheck(img v1.Image) (bool, error) {
	b, err := readBase("", img)
	if err != nil {
		return false, err
	}
	return len(b.config.Config.Healthcheck) > 0, nil
}

// MaxLayers is how many layers an image may have to be read. Runtimes mount 128 at
// most; what has thousands is no image, but a way to keep a reader busy.
const MaxLayers = 1000

// base is what Assemble needs to know of a base. The zero value is no base.
type base struct {
	name     string
	manifest *v1.Manifest
	layers   []v1.Layer
	config   baseConfig
}

// baseConfig is the part of a base's config that is taken over. Values that are
// only passed on stay as they are.
type baseConfig struct {
	RootFS *struct {
		Type    string    `json:"type"`
		DiffIDs []v1.Hash `json:"diff_ids"`
	} `json:"rootfs"`
	History []json.RawMessage `json:"history"`
	Config  struct {
		Env          []string                   `json:"Env"`
		ExposedPorts map[string]json.RawMessage `json:"ExposedPorts"`
		Volumes      map[string]json.RawMessage `json:"Volumes"`
		StopSignal   string                     `json:"StopSignal"`
		Shell        []string                   `json:"Shell"`
		Healthcheck  json.RawMessage            `json:"Healthcheck"`
	} `json:"config"`
}

func readBase(name string, img v1.Image) (*base, error) {
	b := &base{name: name}
	if img == nil {
		return b, nil
	}
	raw, err := img.RawManifest()
	if err != nil {
		return nil, fmt.Errorf("reading the manifest of base %s: %w", name, err)
	}
	if b.manifest, err = v1.ParseManifest(bytes.NewReader(raw)); err != nil {
		return nil, b.unusable("its manifest is malformed: %v", err)
	}
	if err := b.checkManifest(img); err != nil {
		return nil, err
	}
	config, err := img.RawConfigFile()
	if err != nil {
		return nil, fmt.Errorf("reading the config of base %s: %w", name, err)
	}
	if err := json.Unmarshal(config, &b.config); err != nil {
		return nil, b.unusable("its config is malformed: %v", err)
	}
	if bytes.Equal(b.config.Config.Healthcheck, []byte("null")) {
		b.config.Config.Healthcheck = nil
	}
	if b.layers, err = img.Layers(); err != nil {
		return nil, b.unusable("its layers can't be listed: %v", err)
	}
	return b, b.checkLayers()
}

func (b *base) unusable(format string, args ...any) error {
	return &BaseError{Name: b.name, Reason: fmt.Sprintf(format, args...)}
}

func (b *base) checkManifest(img v1.Image) error {
	mediaType, err := img.MediaType()
	switch {
	case err != nil:
		return b.unusable("its media type is unknown: %v", err)
	case mediaType.IsSchema1() || b.manifest.SchemaVersion == 1:
		return b.unusable("its manifest is of Docker's outdated schema 1")
	case mediaType.IsIndex():
		return b.unusable("it is an index where an image was expected")
	case !b.manifest.Config.MediaType.IsConfig():
		return b.unusable("it is not a container image: its config is of type %q", b.manifest.Config.MediaType)
	case len(b.manifest.Layers) > MaxLayers:
		return b.unusable("it has %d layers; imgo takes %d at most", len(b.manifest.Layers), MaxLayers)
	}
	return nil
}

func (b *base) checkLayers() error {
	switch rootfs := b.config.RootFS; {
	case rootfs == nil:
		return b.unusable("its config has no rootfs")
	case rootfs.Type != "layers":
		return b.unusable("its rootfs is of type %q instead of \"layers\"", rootfs.Type)
	case len(rootfs.DiffIDs) != len(b.manifest.Layers):
		return b.unusable("its config names %d layers and its manifest %d", len(rootfs.DiffIDs), len(b.manifest.Layers))
	case len(b.layers) != len(b.manifest.Layers):
		return b.unusable("it holds %d layers and its manifest names %d", len(b.layers), len(b.manifest.Layers))
	}
	for i, d := range b.manifest.Layers {
		if err := b.checkLayer(i, d); err != nil {
			return err
		}
	}
	for i, raw := range b.config.History {
		var h *historyEntry
		if err := json.Unmarshal(raw, &h); err != nil || h == nil {
			return b.unusable("entry %d of its history is malformed", i+1)
		}
	}
	return nil
}

func (b *base) checkLayer(i int, d v1.Descriptor) error {
	digest, err := b.layers[i].Digest()
	switch {
	case err != nil:
		return b.unusable("layer %d has no digest: %v", i+1, err)
	case digest != d.Digest:
		return b.unusable("layer %d is %s, but its manifest names %s", i+1, digest, d.Digest)
	case d.Size < 0:
		return b.unusable("layer %d has a size of %d bytes", i+1, d.Size)
	case !d.MediaType.IsDistributable():
		return b.unusable("layer %d (%s) must not be distributed, as its type %q says", i+1, d.Digest, d.MediaType)
	}
	if _, ok := layerForm(d.MediaType); !ok {
		return b.unusable("layer %d (%s) is of type %q, which imgo does not know", i+1, d.Digest, d.MediaType)
	}
	return nil
}

// historyEntry is the part of an entry of a history that matters here.
type historyEntry struct {
	EmptyLayer bool `json:"empty_layer"`
}

// history returns the base's history with exactly one entry that is not empty for
// each layer, as runtimes and tools expect. Where the base's own has too few, layers
// without one are marked at the end; one that has too many can't be matched with
// layers and is dropped.
func (b *base) history() []json.RawMessage {
	count := 0
	for _, raw := range b.config.History {
		var h historyEntry
		if json.Unmarshal(raw, &h) == nil && !h.EmptyLayer {
			count++
		}
	}
	out := b.config.History
	if count > len(b.layers) {
		out, count = nil, 0
	}
	for range len(b.layers) - count {
		out = append(out[:len(out):len(out)], json.RawMessage(`{"created_by":"base layer without history"}`))
	}
	return out
}

// dockerZstd is what some builders call a zstd layer in a manifest of Docker's
// types. Docker never defined it.
const dockerZstd types.MediaType = "application/vnd.docker.image.rootfs.diff.tar.zstd"
