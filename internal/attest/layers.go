package attest

import (
	"slices"
	"strings"

	"github.com/imgo-build/imgo/pkg/build"
	"github.com/imgo-build/imgo/pkg/image"
)

// ownLayer is a layer of an image that is neither the base's nor a binary's.
type ownLayer struct {
	digest, diffID string
	to             string // where its files are in the image, or what it is
	from           string // what of the user's they were made of; empty where imgo made them itself
}

// ownLayers tells the runtime layer and files from the layers of the base and the binaries,
// by what the history says of them.
func (a *Attester) ownLayers(img *build.MadeImage) ([]ownLayer, error) {
	config, err := img.Image.ConfigFile()
	if err != nil {
		return nil, err
	}
	manifest, err := img.Image.Manifest()
	if err != nil {
		return nil, err
	}
	inBase := 0
	if img.Base.Image != nil {
		layers, err := img.Base.Image.Layers()
		if err != nil {
			return nil, err
		}
		inBase = len(layers)
	}
	var out []ownLayer
	history := image.LayerHistory(config)
	for i, l := range manifest.Layers {
		if i >= len(history) || i >= len(config.RootFS.DiffIDs) {
			break
		}
		text, ours := strings.CutPrefix(history[i], "imgo: ")
		own := ownLayer{digest: l.Digest.String(), diffID: config.RootFS.DiffIDs[i].String(), to: text}
		switch {
		case !ours || slices.ContainsFunc(img.Programs, func(p build.MadeProgram) bool { return strings.HasPrefix(text, p.Path+" from package ") }):
			continue
		case own.digest == a.opts.Runtime.Digest:
		case i < inBase:
			continue
		default:
			if to, from, ok := strings.Cut(text, " from "); ok && strings.HasPrefix(to, "/") {
				own.to, own.from = to, from
			}
		}
		out = append(out, own)
	}
	return out, nil
}
