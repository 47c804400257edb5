package imgo

import (
	"context"
	"fmt"
	"maps"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/imgo-build/imgo/pkg/build"
)

// CompareOptions are what a comparison is about.
type CompareOptions struct {
	Platforms []string // those to compare; none, or "all", stand for all there are
	BuildInfo bool     // of programs, also where a layer has to be downloaded for it
	Files     bool     // compares the contents of layers that differ, which reads them
}

// Comparison is what differs between two images or indexes, the old and the new one.
type Comparison struct {
	Same bool     `json:"same"` // the digests are equal: of what was compared, if platforms were chosen
	Old  Compared `json:"old"`
	New  Compared `json:"new"`
	// Changes are those of an index, and Images those of platforms on both sides. Both
	// are empty where the artifacts are the same.
	Changes []Change          `json:"changes"`
	Images  []ImageComparison `json:"images"`
}

// Compared is one side of a comparison.
type Compared struct {
	Reference string   `json:"reference"`
	Names     []string `json:"names,omitempty"`
	Digest    string   `json:"digest"`
	MediaType string   `json:"mediaType"`
	Only      []string `json:"only,omitempty"` // platforms that the other side lacks
}

// ImageComparison is what differs between the images of a platform.
type ImageComparison struct {
	Platform  string            `json:"platform"` // of the new one
	Old       string            `json:"old"`      // digest
	New       string            `json:"new"`
	Same      bool              `json:"same"`
	Changes   []Change          `json:"changes"`             // of config and annotations
	Layers    []LayerComparison `json:"layers"`              // from the bottom
	Reordered bool              `json:"reordered,omitempty"` // the layers that both have
	// Programs differ, where there was build info to compare.
	Programs []ProgramComparison `json:"programs,omitzero"`
	// Files of layers that differ, where they were asked for. An empty list means that
	// the tars differ only in their form.
	Files []FileComparison `json:"files,omitzero"`
}

// LayerComparison is a layer of both images, or of one.
type LayerComparison struct {
	Same bool            `json:"same"`
	Old  *InspectedLayer `json:"old,omitempty"`
	New  *InspectedLayer `json:"new,omitempty"`
}

// Recompressed reports whether only the compression differs.
func (l *LayerComparison) Recompressed() bool {
	return !l.Same && l.Old != nil && l.New != nil && l.Old.DiffID != "" && l.Old.DiffID == l.New.DiffID
}

// ProgramComparison is what differs between two programs. Of one that is on one side
// only, all facts are changes.
type ProgramComparison struct {
	Path    string   `json:"path"` // of the new one, if there is one
	Old     bool     `json:"old"`  // is on the old side
	New     bool     `json:"new"`
	Changes []Change `json:"changes"`
}

// Compare says what differs between two references, tarballs or layouts, each with one
// image or one index. Images are compared by platform; two single images are, whatever
// they are for.
//
// Build info is compared where all layers are in files, or the options ask for it.
// Errors are those of [Client.Inspect], and a [*build.UsageError] for an archive with
// several images.
func (c *Client) Compare(ctx context.Context, old, new string, o CompareOptions) (*Comparison, error) {
	platforms, err := wantedPlatforms(o.Platforms)
	if err != nil {
		return nil, err
	}
	var sides [2]*side
	for i, arg := range []string{old, new} {
		if sides[i], err = c.openSide(ctx, arg); err != nil {
			return nil, err
		}
		defer sides[i].archive.Close()
	}
	return c.compare(ctx, sides[0], sides[1], platforms, o)
}

func (c *Client) compare(ctx context.Context, a, b *side, platforms []string, o CompareOptions) (*Comparison, error) {
	out := &Comparison{Same: a.Digest == b.Digest, Old: a.compared(), New: b.compared(), Changes: []Change{}, Images: []ImageComparison{}}
	if out.Same {
		return out, nil
	}
	for _, s := range []*side{a, b} {
		if err := s.load(platforms); err != nil {
			return nil, fmt.Errorf("%s: %w", s.arg, err)
		}
	}
	if a.isIndex() || b.isIndex() {
		out.Changes = changes(a.notes(), b.notes())
	}
	var pairs [][2]int
	pairs, out.Old.Only, out.New.Only = pair(a.Images, b.Images)
	same := len(platforms) > 0
	for _, p := range pairs {
		one, err := c.compareImages(ctx, a.one(p[0]), b.one(p[1]), o)
		if err != nil {
			return nil, err
		}
		same = same && one.Same
		out.Images = append(out.Images, *one)
	}
	out.Same = same
	return out, nil
}

// side is one of what is compared.
type side struct {
	*subject
	Inspection
	images []v1.Image
}

func (c *Client) openSide(ctx context.Context, arg string) (*side, error) {
	s, err := c.open(ctx, arg)
	if err != nil {
		return nil, err
	}
	out := &side{subject: s}
	if n := len(s.entries); n != 1 {
		err = &build.UsageError{Reason: fmt.Sprintf("%s holds %d images: two single ones can be compared", arg, n)}
	} else {
		out.Inspection, err = s.describe(s.entries[0])
	}
	if err != nil {
		s.archive.Close()
		return nil, err
	}
	return out, nil
}

func (s *side) load(platforms []string) (err error) {
	s.Inspection, s.images, err = s.inspect(s.entries[0], platforms)
	return err
}

func (s *side) compared() Compared {
	return Compared{Reference: s.Reference, Names: s.Names, Digest: s.Digest, MediaType: s.MediaType}
}

func (s *side) isIndex() bool {
	_, ok := s.entries[0].Artifact.(v1.ImageIndex)
	return ok
}

// notes are what an index says of itself.
func (s *side) notes() []Fact {
	return append([]Fact{{"media type", "", s.MediaType}}, mapping("annotation", s.Annotations)...)
}

// imageSide is an image of a side.
type imageSide struct {
	*side
	*InspectedImage
	image v1.Image
}

func (s *side) one(n int) imageSide { return imageSide{s, &s.Images[n], s.images[n]} }

// pair matches images by platform, in the order of the old side.
func pair(old, new []InspectedImage) (pairs [][2]int, onlyOld, onlyNew []string) {
	if len(old) == 1 && len(new) == 1 {
		return [][2]int{{0, 0}}, nil, nil
	}
	taken := map[int]bool{}
	for i := range old {
		match := -1
		for n := range new {
			if !taken[n] && new[n].Platform == old[i].Platform {
				match = n
				break
			}
		}
		if match < 0 {
			onlyOld = append(onlyOld, old[i].Platform)
			continue
		}
		taken[match] = true
		pairs = append(pairs, [2]int{i, match})
	}
	for n := range new {
		if !taken[n] {
			onlyNew = append(onlyNew, new[n].Platform)
		}
	}
	return pairs, onlyOld, onlyNew
}

func (c *Client) compareImages(ctx context.Context, a, b imageSide, o CompareOptions) (*ImageComparison, error) {
	old, new := a.InspectedImage, b.InspectedImage
	out := &ImageComparison{
		Platform: new.Platform, Old: old.Digest, New: new.Digest, Same: old.Digest == new.Digest,
		Changes: []Change{}, Layers: []LayerComparison{},
	}
	if out.Same {
		return out, nil
	}
	out.Changes = changes(slices.Concat(old.identity(), old.Facts()), slices.Concat(new.identity(), new.Facts()))
	out.Layers, out.Reordered = matchLayers(old.Layers, new.Layers)
	shared := map[string]bool{}
	for _, l := range out.Layers {
		if l.Same {
			shared[l.Old.Digest] = true
		}
	}
	if o.BuildInfo || !a.remote() && !b.remote() {
		for _, s := range []imageSide{a, b} {
			if err := c.addPrograms(ctx, s.subject, s.image, s.InspectedImage, o.BuildInfo, shared); err != nil {
				return nil, err
			}
		}
		out.Programs = matchPrograms(old.Programs, new.Programs)
	}
	if o.Files {
		var err error
		if out.Files, err = compareFiles(ctx, a, b, out.Layers); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// matchLayers finds for each layer the one that it should be compared with: the same
// one, else one that was made for the same, else the only one left of its kind.
func matchLayers(old, new []InspectedLayer) (out []LayerComparison, reordered bool) {
	m := layerMatch{old: old, new: new, partner: make([]int, len(old)), taken: make([]bool, len(new))}
	m.by(func(l InspectedLayer) string { return l.Digest }, false)
	m.by(func(l InspectedLayer) string { return string(l.Kind) + " " + l.CreatedBy }, false)
	m.by(func(l InspectedLayer) string { return string(l.Kind) }, true)
	out = []LayerComparison{}
	next := 0 // of the new ones
	addNew := func(end int) {
		for ; next < end; next++ {
			if !m.taken[next] {
				out = append(out, LayerComparison{New: &new[next]})
			}
		}
	}
	last := 0
	for i := range old {
		n := m.partner[i] - 1
		if n < 0 {
			out = append(out, LayerComparison{Old: &old[i]})
			continue
		}
		addNew(n)
		same := old[i].Digest == new[n].Digest
		out = append(out, LayerComparison{Same: same, Old: &old[i], New: &new[n]})
		if same {
			reordered = reordered || n < last
			last = n
		}
	}
	addNew(len(new))
	return out, reordered
}

// layerMatch is which layers belong together, as far as it is known.
type layerMatch struct {
	old, new []InspectedLayer
	partner  []int  // of the old ones: 1 + the index of the new one, 0 for none
	taken    []bool // of the new ones
}

// by matches layers that have no partner and an equal key, in their order, or only
// where there is one on each side.
func (m *layerMatch) by(key func(InspectedLayer) string, single bool) {
	free, waiting := map[string][]int{}, map[string]int{}
	for n, l := range m.new {
		if !m.taken[n] {
			free[key(l)] = append(free[key(l)], n)
		}
	}
	for i, l := range m.old {
		if m.partner[i] == 0 {
			waiting[key(l)]++
		}
	}
	for i, l := range m.old {
		k := key(l)
		if m.partner[i] != 0 || len(free[k]) == 0 || single && (waiting[k] != 1 || len(free[k]) != 1) {
			continue
		}
		n := free[k][0]
		free[k], m.partner[i], m.taken[n] = free[k][1:], n+1, true
	}
}

// matchPrograms compares programs by path. One on each side without a partner are taken
// for one that moved. Those that are the same are left out.
func matchPrograms(old, new []InspectedProgram) []ProgramComparison {
	byPath := map[string]*InspectedProgram{}
	for i := range new {
		byPath[new[i].Path] = &new[i]
	}
	out := []ProgramComparison{}
	var onlyOld, onlyNew []*InspectedProgram
	for i := range old {
		if n := byPath[old[i].Path]; n != nil {
			out = append(out, comparePrograms(&old[i], n))
			delete(byPath, old[i].Path)
		} else {
			onlyOld = append(onlyOld, &old[i])
		}
	}
	for _, path := range slices.Sorted(maps.Keys(byPath)) {
		onlyNew = append(onlyNew, byPath[path])
	}
	if len(onlyOld) == 1 && len(onlyNew) == 1 {
		out = append(out, comparePrograms(onlyOld[0], onlyNew[0]))
		onlyOld, onlyNew = nil, nil
	}
	for _, p := range onlyOld {
		out = append(out, comparePrograms(p, nil))
	}
	for _, p := range onlyNew {
		out = append(out, comparePrograms(nil, p))
	}
	return slices.DeleteFunc(out, func(p ProgramComparison) bool { return len(p.Changes) == 0 })
}

// comparePrograms compares two programs, one of which may be nil.
func comparePrograms(old, new *InspectedProgram) ProgramComparison {
	p := ProgramComparison{Old: old != nil, New: new != nil}
	var before, after []Fact
	if old != nil {
		p.Path, before = old.Path, old.facts()
	}
	if new != nil {
		p.Path, after = new.Path, new.facts()
	}
	p.Changes = changes(before, after)
	return p
}
