package publish

import (
	"context"
	"encoding/json"
	"io"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/imgo-build/imgo/pkg/event"
	"github.com/imgo-build/imgo/pkg/image"
)

// Stream is an artifact as a tar that goes through a pipe to an engine. Its entries
// are those of [Tarball], for the same readers, with two differences: blobs that the
// reader has are left out on request, and the files that say what the tar holds come
// last. A reader that sees a stream end early, even between two entries, has an
// archive without an image then and not an image without layers.
type Stream struct {
	content *content
	entries []tarEntry // the blobs
}

// StreamBlob is a manifest, config or layer of a [Stream].
type StreamBlob struct {
	Digest v1.Hash
	Size   int64
	Layer  bool
}

// NewStream reads the manifests of an artifact, and no blob.
func NewStream(a image.Artifact) (*Stream, error) {
	c, err := walk(a)
	if err != nil {
		return nil, err
	}
	return &Stream{content: c, entries: c.tarEntries()}, nil
}

// Digest is the artifact's.
func (s *Stream) Digest() v1.Hash { return s.content.top.desc.Digest }

// Blobs lists what the artifact consists of, in the order of the tar.
func (s *Stream) Blobs() []StreamBlob {
	out := make([]StreamBlob, len(s.entries))
	for i, e := range s.entries {
		out[i] = StreamBlob{Digest: e.blob.digest, Size: e.blob.size, Layer: e.blob.what == "layer"}
	}
	return out
}

// StreamOptions are what one transfer of a [Stream] is about.
type StreamOptions struct {
	// Names are what index.json calls the artifact, in full. It may have none: what
	// then becomes of it is the reader's business.
	Names []string
	// Has lists the blobs to leave out.
	Has map[v1.Hash]bool
	// At is told how many bytes of blobs are done; nil if nobody cares.
	At func(int64)
}

// Size is the number of bytes of blobs that Write writes.
func (s *Stream) Size(o StreamOptions) (n int64) {
	for _, e := range s.entries {
		if !o.Has[e.blob.digest] {
			n += e.blob.size
		}
	}
	return n
}

// Write writes the tar. Blobs are checked against their digests on the way; where one
// turns out to be wrong the tar stays unfinished.
func (s *Stream) Write(ctx context.Context, w io.Writer, o StreamOptions) error {
	index := v1.IndexManifest{SchemaVersion: 2, MediaType: types.OCIImageIndex}
	top := named(s.content.top, nil)
	for _, n := range o.Names {
		d := top
		d.Annotations = map[string]string{containerdName: n}
		index.Manifests = append(index.Manifests, d)
	}
	if len(o.Names) == 0 {
		index.Manifests = []v1.Descriptor{top}
	}
	rawIndex, err := json.Marshal(index)
	if err != nil {
		return err
	}
	docker, err := dockerManifest(s.content, nil)
	if err != nil {
		return err
	}
	entries := slices.DeleteFunc(slices.Clone(s.entries), func(e tarEntry) bool { return o.Has[e.blob.digest] })
	entries = append(entries,
		tarEntry{"oci-layout", memory([]byte(layoutVersion))},
		tarEntry{"index.json", memory(rawIndex)},
		tarEntry{"manifest.json", memory(docker)},
	)
	at := o.At
	if at == nil {
		at = func(int64) {}
	}
	total := s.Size(o)
	return writeTar(ctx, w, entries, func(n int64) { at(min(n, total)) })
}

// Track reports a transfer of total bytes: at is told how many are done (fewer than
// before where it began again), end how it ended. Both are for one goroutine at a time.
func Track(sink event.Sink, stage event.Stage, subject string, total int64) (at func(int64), end func(text string, err error)) {
	p := newProgress(sink, stage, subject, total)
	return p.at, p.end
}
