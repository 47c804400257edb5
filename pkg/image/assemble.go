package image

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Assemble puts an image together. It reads the base's manifest and config, and no
// blob. A base that can't be used is a [*BaseError].
//
// From the base come its layers (same bytes, same digests) and history, its
// environment, and what a Dockerfile's FROM inherits and a program may rely on:
// exposed ports, volumes, stop signal, shell and health check. Its entrypoint,
// command, user, working directory, labels and annotations are not taken over: they
// are about the base's own program.
func Assemble(p Parts) (v1.Image, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	b, err := readBase(p.BaseName, p.Base)
	if err != nil {
		return nil, err
	}
	stack, err := stackLayers(&p, b)
	if err != nil {
		return nil, err
	}
	config, err := p.config(b, stack)
	if err != nil {
		return nil, err
	}
	rawConfig, err := encode(config)
	if err != nil {
		return nil, fmt.Errorf("encoding the config: %w", err)
	}
	configName, size, err := v1.SHA256(bytes.NewReader(rawConfig))
	if err != nil {
		return nil, fmt.Errorf("hashing the config: %w", err)
	}
	manifest := p.manifest(v1.Descriptor{MediaType: p.MediaTypes.config(), Size: size, Digest: configName}, stack)
	return newBuilt(manifest, rawConfig, stack)
}

// manifest makes the image's manifest (OCI image specification, manifest.md, or
// Docker's image manifest version 2, schema 2).
func (p *Parts) manifest(config v1.Descriptor, stack []stackedLayer) *v1.Manifest {
	m := &v1.Manifest{
		SchemaVersion: 2,
		MediaType:     p.MediaTypes.manifest(),
		Config:        config,
		Layers:        make([]v1.Descriptor, len(stack)),
	}
	for i, l := range stack {
		m.Layers[i] = v1.Descriptor{MediaType: l.mediaType, Size: l.size, Digest: l.digest}
	}
	if p.MediaTypes == OCI {
		m.Annotations = p.Described()
		maps.Copy(m.Annotations, p.Annotations)
	}
	return m
}

// encode returns the canonical JSON of v: keys in a fixed order, no white space, no
// escapes that JSON does not need.
func encode(v any) ([]byte, error) {
	var buf bytes.Buffer
	e := json.NewEncoder(&buf)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n")), nil
}

func (m MediaTypes) manifest() types.MediaType {
	if m == Docker {
		return types.DockerManifestSchema2
	}
	return types.OCIManifestSchema1
}

func (m MediaTypes) config() types.MediaType {
	if m == Docker {
		return types.DockerConfigJSON
	}
	return types.OCIConfigJSON
}

func (m MediaTypes) index() types.MediaType {
	if m == Docker {
		return types.DockerManifestList
	}
	return types.OCIImageIndex
}
