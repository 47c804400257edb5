package publish

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/sync/errgroup"
)

// fallbackTag is where the list of referrers is kept by the clients of a registry that
// has no referrers API (OCI distribution specification 1.1, "Referrers Tag Schema").
func fallbackTag(subject v1.Hash) string { return subject.Algorithm + "-" + subject.Hex }

// TagError says that a tag, at which clients keep what is told of an image, holds
// something else. It is not overwritten: it may be somebody's.
type TagError struct {
	Reference string // REPOSITORY:TAG
	Problem   string // "it holds …"
	// Needed says that the registry has no referrers API, so that without the tag nothing
	// more can be told of the image.
	Needed bool
}

func (e *TagError) Error() string {
	return fmt.Sprintf("the tag %s is for what is told of an image, but %s", e.Reference, e.Problem)
}

// maxReferrers is how many referrers of one subject imgo reads.
const maxReferrers = 10_000

// referrers is a list of referrers: an index, of which nothing gets lost when it is
// changed, whether imgo understands it or not.
type referrers struct {
	fields  map[string]json.RawMessage
	entries []json.RawMessage
}

// parseReferrers reads an index that an API or a fallback tag has.
func parseReferrers(raw []byte) (*referrers, error) {
	var l referrers
	if err := json.Unmarshal(raw, &l.fields); err != nil {
		return nil, fmt.Errorf("a list of referrers that can't be read: %w", err)
	}
	var mediaType types.MediaType
	if text, ok := l.fields["mediaType"]; ok {
		if json.Unmarshal(text, &mediaType) != nil || mediaType != "" && !mediaType.IsIndex() {
			return nil, fmt.Errorf("a list of referrers that is no index but %s", oneLine(string(text)))
		}
	}
	text, ok := l.fields["manifests"]
	if !ok {
		return nil, fmt.Errorf("a list of referrers that is no index")
	}
	if err := json.Unmarshal(text, &l.entries); err != nil {
		return nil, fmt.Errorf("a list of referrers that can't be read: %w", err)
	}
	if len(l.entries) > maxReferrers {
		return nil, fmt.Errorf("a list of %d referrers; imgo reads %d at most", len(l.entries), maxReferrers)
	}
	return &l, nil
}

// descriptors returns the entries that imgo understands: others have a digest by another
// algorithm.
func (l *referrers) descriptors() []v1.Descriptor {
	var out []v1.Descriptor
	for _, text := range l.entries {
		if d, ok := parseEntry(text); ok {
			out = append(out, d)
		}
	}
	return out
}

func parseEntry(text json.RawMessage) (d v1.Descriptor, ok bool) {
	err := json.Unmarshal(text, &d)
	return d, err == nil && d.Digest != v1.Hash{} && d.Size >= 0
}

// add adds the entries that are not in it, and reports whether there were any.
func (l *referrers) add(entries []v1.Descriptor) (changed bool, err error) {
	have := l.descriptors()
	for _, e := range entries {
		if slices.ContainsFunc(have, func(d v1.Descriptor) bool { return d.Digest == e.Digest }) {
			continue
		}
		text, err := json.Marshal(e)
		if err != nil {
			return false, err
		}
		have, l.entries, changed = append(have, e), append(l.entries, text), true
	}
	return changed, nil
}

func (l *referrers) manifest() (manifest, error) {
	entries := l.entries
	if entries == nil {
		entries = []json.RawMessage{}
	}
	text, err := json.Marshal(entries)
	if err != nil {
		return manifest{}, err
	}
	l.fields["manifests"] = text
	l.fields["schemaVersion"] = json.RawMessage("2")
	l.fields["mediaType"] = json.RawMessage(`"` + types.OCIImageIndex + `"`)
	m, err := rawManifestOf(types.OCIImageIndex, l.fields)
	m.index = true
	return m, err
}

// addToFallback adds entries to the list at a subject's fallback tag. In haste, they are
// not looked for again.
func (r *Registry) addToFallback(ctx context.Context, s *session, subject v1.Hash, entries []v1.Descriptor, hasty bool) error {
	return (&rewriter{
		r: r, s: s, tag: fallbackTag(subject), hasty: hasty,
		merge: func(now *stored) (*manifest, error) {
			l := &referrers{fields: map[string]json.RawMessage{}}
			if now != nil {
				var err error
				if l, err = parseReferrers(now.raw); err != nil {
					return nil, s.notList(subject, err)
				}
			}
			changed, err := l.add(entries)
			if err != nil || !changed {
				return nil, err
			}
			m, err := l.manifest()
			return &m, err
		},
		write: func(ctx context.Context, m manifest) (v1.Hash, error) {
			return r.putReferrers(ctx, s, fallbackTag(subject), m)
		},
	}).run(ctx)
}

// putReferrers sends a list. A registry may refuse one with an entry that it hasn't got,
// as the deletion of a referrer by a client that knows nothing of the list leaves it:
// such entries are dropped then.
func (r *Registry) putReferrers(ctx context.Context, s *session, tag string, m manifest) (v1.Hash, error) {
	_, refused := r.put(ctx, s, m, tag)
	if refused == nil || !lacking(refused) {
		return m.desc.Digest, refused
	}
	l, err := s.parseReferrers(m.raw)
	if err != nil {
		return v1.Hash{}, err
	}
	gone := make([]bool, len(l.entries))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(r.opts.Jobs)
	for i, text := range l.entries {
		if d, ok := parseEntry(text); ok {
			g.Go(func() error {
				h, err := s.digestOf(gctx, d.Digest.String())
				gone[i] = err == nil && h == v1.Hash{}
				return err
			})
		}
	}
	if err := g.Wait(); err != nil {
		return v1.Hash{}, err
	}
	if !slices.Contains(gone, true) {
		return v1.Hash{}, refused
	}
	i := -1
	l.entries = slices.DeleteFunc(l.entries, func(json.RawMessage) bool { i++; return gone[i] })
	if m, err = l.manifest(); err != nil {
		return v1.Hash{}, err
	}
	_, err = r.put(ctx, s, m, tag)
	return m.desc.Digest, err
}

// notList says what is wrong with what is at a subject's fallback tag.
func (s *session) notList(subject v1.Hash, err error) *TagError {
	return &TagError{
		Reference: s.repo.Tag(fallbackTag(subject)).String(), Problem: "it holds " + oneLine(err.Error()), Needed: true,
	}
}

func (s *session) parseReferrers(raw []byte) (*referrers, error) {
	l, err := parseReferrers(raw)
	if err != nil {
		return nil, &RegistryError{Registry: s.repo.RegistryStr(), Status: 200, Detail: strings.TrimSpace(oneLine(err.Error()))}
	}
	return l, nil
}
