package image

import (
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
)

// Artifact is an image ([v1.Image]) or an index ([v1.ImageIndex]): anything with
// the bytes of a manifest. Consumers tell the two apart with a type switch.
type Artifact interface {
	partial.Describable
	partial.WithRawManifest
}

// Sourced is a layer whose blob is known to be in a repository, from where a
// registry can mount it instead of receiving it again. Layers keep this across
// [Assemble], which may change their media type.
type Sourced interface {
	v1.Layer
	// Source is the repository that has the blob, and false where there is none.
	Source() (name.Repository, bool)
}

// LayerHistory says for each layer of a config, from the bottom, what made it,
// which is the created_by of the history entries that have a layer.
// See the OCI image specification, config.md, "history".
func LayerHistory(config *v1.ConfigFile) []string {
	var out []string
	for _, h := range config.History {
		if !h.EmptyLayer {
			out = append(out, h.CreatedBy)
		}
	}
	return out
}
