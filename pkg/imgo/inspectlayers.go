package imgo

import (
	"cmp"
	"slices"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/imgo-build/imgo/internal/baselock"
	"github.com/imgo-build/imgo/internal/probe"
	"github.com/imgo-build/imgo/pkg/image"
)

// LayerKind is what a layer is in an image that imgo built.
type LayerKind string

// The kinds of layer.
const (
	BaseLayer    LayerKind = "base"    // what was there before imgo
	RuntimeLayer LayerKind = "runtime" // the one of the empty base
	UserLayer    LayerKind = "user"    // who a named user is
	VolumesLayer LayerKind = "volumes" // directories of volumes
	FilesLayer   LayerKind = "files"   // files of the user's
	ProbeLayer   LayerKind = "probe"   // the program that asks a health check's URL
	ProgramLayer LayerKind = "program" // a binary
	OtherLayer   LayerKind = "other"   // of an image that imgo did not build
)

// InspectedLayer is a layer.
type InspectedLayer struct {
	Kind      LayerKind `json:"kind"`
	Digest    string    `json:"digest"`
	DiffID    string    `json:"diffID"`
	MediaType string    `json:"mediaType"`
	Size      int64     `json:"size"` // bytes, compressed
	CreatedBy string    `json:"createdBy,omitempty"`

	elsewhere bool // the bytes are not where the image is
}

// LayerGroup is all layers of a kind.
type LayerGroup struct {
	Kind   LayerKind `json:"kind"`
	Layers int       `json:"layers"`
	Size   int64     `json:"size"` // bytes, compressed
}

// InspectedBase is what an image stands on.
type InspectedBase struct {
	Name   string `json:"name,omitempty"` // empty for a base in a file, which nobody else could look up
	Digest string `json:"digest,omitempty"`
	// Layers is how many of the image's layers are the base's; 0 where that can't be
	// told, as of images that imgo didn't build, or on bases that it did.
	Layers int `json:"layers,omitempty"`
	// Created is when the base was last changed, as its history says; zero where it
	// doesn't, as of bases that are the same whenever they are built.
	Created time.Time `json:"created,omitzero"`
	// Release and EndOfLife, a day, are known of some distributions' bases.
	Release   string    `json:"release,omitempty"`
	EndOfLife time.Time `json:"endOfLife,omitzero"`
}

// ownHistory begins what imgo writes into a history.
const ownHistory = "imgo: "

// kindOf tells what a layer is from what imgo wrote into the history.
func kindOf(createdBy string) LayerKind {
	what, ours := strings.CutPrefix(createdBy, ownHistory)
	_, source, from := strings.Cut(what, " from ")
	pkg, isPackage := strings.CutPrefix(source, "package ")
	switch {
	case !ours:
		return OtherLayer
	case strings.HasPrefix(what, "runtime layer"):
		return RuntimeLayer
	case strings.HasPrefix(what, "user "):
		return UserLayer
	case strings.HasPrefix(what, "volumes "):
		return VolumesLayer
	case from && isPackage && pkg == probe.Module:
		return ProbeLayer
	case from && isPackage:
		return ProgramLayer
	case from:
		return FilesLayer
	}
	return OtherLayer
}

// addLayers describes the layers. What lies below imgo's own is the base's.
func (i *InspectedImage) addLayers(manifest *v1.Manifest, config *v1.ConfigFile) {
	created := image.LayerHistory(config)
	for n, d := range manifest.Layers {
		l := InspectedLayer{
			Kind: OtherLayer, Digest: d.Digest.String(), MediaType: string(d.MediaType), Size: d.Size,
			elsewhere: len(d.URLs) > 0 || !d.MediaType.IsDistributable(),
		}
		if n < len(config.RootFS.DiffIDs) {
			l.DiffID = config.RootFS.DiffIDs[n].String()
		}
		if n < len(created) {
			l.CreatedBy, l.Kind = created[n], kindOf(created[n])
		}
		i.Size += d.Size
		i.Layers = append(i.Layers, l)
	}
	isOurs := func(l InspectedLayer) bool { return l.Kind != OtherLayer }
	for n := range max(slices.IndexFunc(i.Layers, isOurs), 0) {
		i.Layers[n].Kind = BaseLayer
	}
	i.Groups = groups(i.Layers)
}

func groups(layers []InspectedLayer) []LayerGroup {
	out := []LayerGroup{}
	for _, l := range layers {
		n := slices.IndexFunc(out, func(g LayerGroup) bool { return g.Kind == l.Kind })
		if n < 0 {
			n, out = len(out), append(out, LayerGroup{Kind: l.Kind})
		}
		out[n].Layers++
		out[n].Size += l.Size
	}
	return out
}

// addBase says what is known of the base.
func (i *InspectedImage) addBase(config *v1.ConfigFile) {
	const key = "org.opencontainers.image.base."
	b := InspectedBase{
		Name:   cmp.Or(i.Config.Labels[key+"name"], i.Annotations[key+"name"]),
		Digest: cmp.Or(i.Config.Labels[key+"digest"], i.Annotations[key+"digest"]),
	}
	for _, g := range i.Groups {
		if g.Kind == BaseLayer {
			b.Layers = g.Layers
		}
	}
	if b.Layers > 0 {
		b.Created = newest(config.History)
	}
	if release, end, ok := baselock.EndOfLife(b.Name, nil); ok {
		b.Release, b.EndOfLife = release, end
	}
	if b != (InspectedBase{}) {
		i.Base = &b
	}
}

// newest is when the last of the entries below imgo's own was made. Images that are the
// same whenever they are built say the beginning of time, which is no answer.
func newest(history []v1.History) time.Time {
	var out time.Time
	for _, h := range history {
		if strings.HasPrefix(h.CreatedBy, ownHistory) {
			break
		}
		if h.Created.Unix() > 0 && h.Created.After(out) {
			out = h.Created.UTC()
		}
	}
	return out
}
