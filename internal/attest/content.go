package attest

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/sync/errgroup"

	"github.com/imgo-build/imgo/internal/attest/wire"
	"github.com/imgo-build/imgo/internal/rootfs"
	"github.com/imgo-build/imgo/pkg/image"
	"github.com/imgo-build/imgo/pkg/publish"
)

const (
	// configLimit is how large a config may be in bytes.
	configLimit = 8 << 20
	// readers is how many requests are under way at the same time.
	readers = 4
)

// contents adds to the report of each image whether the registry has what its manifest
// promises: the config with its digest, and the layers with their sizes, or with whole
// their digests and those of the config too. What several images share is read once.
func (a *Attester) contents(ctx context.Context, repo name.Repository, all []subject, report *Report, whole bool) error {
	c := &contents{blobs: map[v1.Hash]*seenBlob{}}
	images := make([]*parts, len(all))
	for i := range all {
		if !all[i].index {
			images[i] = c.parts(all[i].manifest, whole)
		}
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(readers)
	for _, b := range c.order {
		g.Go(func() error { return a.look(ctx, repo, b) })
	}
	if err := g.Wait(); err != nil {
		return err
	}
	for i, p := range images {
		if p == nil {
			continue
		}
		s := &report.Subjects[i]
		check := Check{Kind: Content, Reason: strings.Join(c.wrong(p, whole), "; ")}
		if check.OK = check.Reason == ""; check.OK {
			check.Detail = p.detail(whole)
		}
		report.Verified = report.Verified && check.OK
		s.Checks = append(s.Checks, check)
		for _, d := range p.elsewhere {
			s.Ignored = append(s.Ignored, Ignored{d.Digest.String(), wire.CodeUnsupported, fmt.Sprintf(
				"layer %s was not looked at: it is not kept in the registry but at addresses of its own", d.Digest)})
		}
	}
	return nil
}

// parts is what a manifest lists.
type parts struct {
	Config    v1.Descriptor   `json:"config"`
	Layers    []v1.Descriptor `json:"layers"`
	elsewhere []v1.Descriptor // those of the layers that are no business of the registry's
	problem   string          // why nothing of it is looked at
}

func (p *parts) detail(whole bool) string {
	state := "there"
	if whole {
		state = "read"
	}
	switch n := len(p.Layers) - len(p.elsewhere); n {
	case 1:
		return "config and 1 layer " + state
	default:
		return fmt.Sprintf("config and %d layers %s", n, state)
	}
}

// seenBlob is a blob, and what was seen of it.
type seenBlob struct {
	digest v1.Hash
	read   int64 // at most so many bytes, or -1: only its size is asked for
	keep   bool  // it is a config

	missing bool
	size    int64 // -1 where nobody says
	got     v1.Hash
	diffID  v1.Hash
	broken  error // why there is no diffID
	content []byte
}

// contents are the blobs of several images.
type contents struct {
	blobs map[v1.Hash]*seenBlob
	order []*seenBlob
}

func (c *contents) add(d v1.Descriptor, limit int64) *seenBlob {
	b := c.blobs[d.Digest]
	if b == nil {
		b = &seenBlob{digest: d.Digest, read: -1}
		c.blobs[d.Digest], c.order = b, append(c.order, b)
	}
	b.read = max(b.read, limit)
	return b
}

// parts reads a manifest and notes what to look at.
func (c *contents) parts(manifest []byte, whole bool) *parts {
	p := &parts{}
	err := json.Unmarshal(manifest, p)
	switch {
	case err != nil:
		p.problem = "the manifest can't be read: " + err.Error()
	case p.Config.Digest == v1.Hash{}:
		p.problem = "the manifest names no config"
	case p.Config.Size < 0 || p.Config.Size > configLimit:
		p.problem = fmt.Sprintf("config %s has %d bytes; imgo reads %d MiB at most", p.Config.Digest, p.Config.Size, configLimit>>20)
	case len(p.Layers) > image.MaxLayers:
		p.problem = fmt.Sprintf("there are %d layers; imgo takes %d at most", len(p.Layers), image.MaxLayers)
	}
	if p.problem != "" {
		return p
	}
	c.add(p.Config, p.Config.Size).keep = true
	for _, d := range p.Layers {
		limit := int64(-1)
		if whole {
			limit = d.Size
		}
		if publish.Foreign(d) {
			p.elsewhere = append(p.elsewhere, d)
			continue
		}
		c.add(d, limit)
	}
	return p
}

// look asks for one blob. That it isn't there, or is another, is no error.
func (a *Attester) look(ctx context.Context, repo name.Repository, b *seenBlob) error {
	var err error
	if b.read < 0 {
		b.size, err = a.opts.Registry.BlobSize(ctx, repo, b.digest)
	} else {
		err = a.opts.Registry.ReadBlob(ctx, repo, b.digest, b.readFrom)
	}
	var gone *publish.NotFoundError
	if errors.As(err, &gone) {
		b.missing, err = true, nil
	}
	return err
}

// readFrom reads a blob, and one byte more than it may have: its digest tells what it is
// worth. It may be called again.
func (b *seenBlob) readFrom(r io.Reader) error {
	limited := io.LimitReader(r, b.read+1)
	if b.keep {
		var err error
		b.content, err = io.ReadAll(limited)
		sum := sha256.Sum256(b.content)
		b.size, b.got = int64(len(b.content)), v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(sum[:])}
		return err
	}
	sum, inner := &counter{Hash: sha256.New()}, sha256.New()
	raw := io.TeeReader(limited, sum)
	content, done, err := rootfs.Decompressed(bufio.NewReaderSize(raw, 64<<10))
	if err == nil {
		_, err = io.Copy(inner, content)
		done()
	}
	b.broken = err
	if _, err := io.Copy(io.Discard, raw); err != nil {
		return err
	}
	b.size, b.got, b.diffID = sum.n, hashOf(sum), hashOf(inner)
	return nil
}

// counter counts what it hashes.
type counter struct {
	hash.Hash
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	c.n += int64(len(p))
	return c.Hash.Write(p)
}

func hashOf(h hash.Hash) v1.Hash {
	return v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(h.Sum(nil))}
}

// wrong lists what is not as an image's manifest and config say.
func (c *contents) wrong(p *parts, whole bool) []string {
	if p.problem != "" {
		return []string{p.problem}
	}
	var out []string
	config := c.blobs[p.Config.Digest]
	if problem := config.differs("config", p.Config); problem != "" {
		out = append(out, problem)
	}
	here := slices.DeleteFunc(slices.Clone(p.Layers), publish.Foreign)
	for _, d := range here {
		if problem := c.blobs[d.Digest].differs("layer", d); problem != "" {
			out = append(out, problem)
		}
	}
	if whole && len(out) == 0 && (p.Config.MediaType == types.OCIConfigJSON || p.Config.MediaType == types.DockerConfigJSON) {
		out = c.unpacked(p, config.content)
	}
	return out
}

// differs says how a blob is not what its descriptor promises.
func (b *seenBlob) differs(what string, d v1.Descriptor) string {
	switch {
	case b.missing:
		return fmt.Sprintf("%s %s is not in the registry", what, d.Digest)
	case b.size >= 0 && b.size != d.Size && b.read >= 0 && b.size > b.read:
		return fmt.Sprintf("%s %s has more bytes in the registry than the %d that the manifest says", what, d.Digest, d.Size)
	case b.size >= 0 && b.size != d.Size:
		return fmt.Sprintf("%s %s has %d bytes in the registry, and %d by the manifest", what, d.Digest, b.size, d.Size)
	case b.read >= 0 && b.got != d.Digest:
		return fmt.Sprintf("%s %s has other bytes in the registry: their digest is %s", what, d.Digest, b.got)
	}
	return ""
}

// unpacked says which layers are not, once unpacked, what the config says.
func (c *contents) unpacked(p *parts, config []byte) []string {
	var file struct {
		RootFS struct {
			DiffIDs []v1.Hash `json:"diff_ids"`
		} `json:"rootfs"`
	}
	if err := json.Unmarshal(config, &file); err != nil {
		return []string{fmt.Sprintf("config %s can't be read: %s", p.Config.Digest, err)}
	}
	if n := len(file.RootFS.DiffIDs); n != len(p.Layers) {
		return []string{fmt.Sprintf("config %s tells of %d layers, and the manifest of %d", p.Config.Digest, n, len(p.Layers))}
	}
	var out []string
	for i, d := range p.Layers {
		b, want := c.blobs[d.Digest], file.RootFS.DiffIDs[i]
		switch {
		case publish.Foreign(d):
		case b.broken != nil:
			out = append(out, fmt.Sprintf("layer %s can't be unpacked: %s", d.Digest, b.broken))
		case b.diffID != want:
			out = append(out, fmt.Sprintf("layer %s unpacks to %s, and the config says %s", d.Digest, b.diffID, want))
		}
	}
	return out
}
