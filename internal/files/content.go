package files

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
	"golang.org/x/sync/errgroup"

	"github.com/imgo-build/imgo/internal/secrets"
	"github.com/imgo-build/imgo/internal/stamp"
	"github.com/imgo-build/imgo/pkg/layer"
)

const (
	copySize   = 256 << 10
	maxWorkers = 4
	maxErrors  = 10 // that are told one by one
	maxTries   = 3  // to read a file that is being written
)

// set reads the contents and makes the set.
func (t *tree) set(ctx context.Context, g Group, s settings, nodes []*node) (*Set, error) {
	if err := t.read(ctx, g.Where, nodes); err != nil {
		return nil, err
	}
	t.memory.keep(nodes)
	set := &Set{From: g.From, To: g.To}
	for _, n := range nodes {
		f, ok := s.file(n)
		if !ok {
			continue
		}
		if f.Mode.IsRegular() {
			f.Open = t.opener(n)
			set.Count++
			set.Size += f.Size
		}
		set.Files = append(set.Files, f)
	}
	slices.SortFunc(set.Files, func(a, b layer.File) int { return cmp.Compare(a.Path, b.Path) })
	set.Key = key(set, nodes, s)
	return set, nil
}

// read hashes the contents and looks for secrets. It reports all secrets, not only
// the first, and always in the same order.
func (t *tree) read(ctx context.Context, where string, nodes []*node) error {
	errs := make([]error, len(nodes))
	var group errgroup.Group
	group.SetLimit(min(maxWorkers, runtime.GOMAXPROCS(0)))
	for i, n := range nodes {
		if !n.state.Mode.IsRegular() {
			continue
		}
		mayBeSecret := t.allowsSecrets(n)
		if !mayBeSecret {
			if f, ok := t.secretName(n); ok {
				errs[i] = &SecretError{File: n.shown, Rule: f.Rule, Where: where}
				continue
			}
		}
		if !t.memory.recall(n, mayBeSecret) {
			group.Go(func() error {
				errs[i] = t.readOne(ctx, where, n, mayBeSecret)
				return nil
			})
		}
	}
	group.Wait()
	if err := ctx.Err(); err != nil {
		return err
	}
	errs = slices.DeleteFunc(errs, func(err error) bool { return err == nil })
	if more := len(errs) - maxErrors; more > 0 {
		errs = append(errs[:maxErrors], fmt.Errorf("and as much in %d more files", more))
	}
	return errors.Join(errs...)
}

func (t *tree) readOne(ctx context.Context, where string, n *node, mayBeSecret bool) error {
	for range maxTries {
		began := t.memory.time()
		sum, scanner := sha256.New(), secrets.NewScanner(n.shown)
		w := io.Writer(sum)
		if !mayBeSecret {
			w = io.MultiWriter(sum, scanner)
		}
		c, err := t.copy(ctx, w, n)
		if err != nil {
			return err
		}
		if c.size != n.state.Size {
			break
		}
		if c.before != c.after { // perhaps half of it was written meanwhile
			continue
		}
		if f, ok := scanner.Finding(); ok && !mayBeSecret {
			return &SecretError{File: n.shown, Line: f.Line, Rule: f.Rule, Where: where}
		}
		sum.Sum(n.sum[:0])
		n.clean = !mayBeSecret
		n.settled = c.after == n.state && c.after.Trusted(began)
		return nil
	}
	return &ChangedError{File: n.shown}
}

// secretName says whether a file is a secret by the name that it has here, or by that
// which a link leads to.
func (t *tree) secretName(n *node) (secrets.Finding, bool) {
	if f, ok := secrets.InFileName(n.shown); ok {
		return f, true
	}
	if !n.linked {
		return secrets.Finding{}, false
	}
	return secrets.InFileName(t.display(n.name))
}

// copied is what was seen of a file while it was read.
type copied struct {
	size          int64
	before, after stamp.State
}

// copy writes a content, and stops when the context ends.
func (t *tree) copy(ctx context.Context, w io.Writer, n *node) (c copied, err error) {
	if err := ctx.Err(); err != nil {
		return c, err
	}
	f, err := t.root.Open(filepath.FromSlash(n.name))
	if err != nil {
		return c, err
	}
	defer f.Close()
	if c.before, err = stampOf(f); err != nil {
		return c, err
	}
	buf := make([]byte, min(copySize, n.state.Size+1))
	for {
		k, err := f.Read(buf)
		w.Write(buf[:k]) // neither hash nor scanner fails
		c.size += int64(k)
		if err == io.EOF {
			break
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return c, err
		}
	}
	c.after, err = stampOf(f)
	return c, err
}

func stampOf(f *os.File) (stamp.State, error) {
	info, err := f.Stat()
	if err != nil {
		return stamp.State{}, err
	}
	return stamp.Of(info), nil
}

// allowsSecrets says whether a file is allowed by the name that it has here, or by
// that of the link which leads to it.
func (t *tree) allowsSecrets(n *node) bool {
	if len(t.given.AllowSecrets) == 0 {
		return false
	}
	real := t.display(n.name)
	return slices.ContainsFunc(t.given.AllowSecrets, func(glob string) bool {
		glob = strings.TrimPrefix(glob, "./")
		return doublestar.MatchUnvalidated(glob, n.shown) || doublestar.MatchUnvalidated(glob, real)
	})
}

// opener opens a content again, for the layer.
func (t *tree) opener(n *node) func() (io.ReadCloser, error) {
	bounds, memory := t.bounds, t.memory
	return func() (io.ReadCloser, error) {
		f, err := os.OpenInRoot(bounds, filepath.FromSlash(n.name))
		if errors.Is(err, fs.ErrNotExist) {
			return nil, &ChangedError{File: n.shown}
		}
		if err != nil {
			return nil, err
		}
		return &unchanged{file: f, node: n, memory: memory, sum: sha256.New()}, nil
	}
}

// unchanged is a content that must be what it was when it was hashed: at its end is
// an error if it was not.
type unchanged struct {
	file   *os.File
	node   *node
	memory *memory
	sum    hash.Hash
	size   int64
}

func (u *unchanged) Read(p []byte) (int, error) {
	k, err := u.file.Read(p)
	u.sum.Write(p[:k])
	u.size += int64(k)
	changed := u.size > u.node.state.Size ||
		err == io.EOF && (u.size < u.node.state.Size || string(u.sum.Sum(nil)) != string(u.node.sum[:]))
	if changed {
		if u.node.recalled {
			u.memory.forget() // so that the next run reads it
		}
		return 0, &ChangedError{File: u.node.shown}
	}
	return k, err
}

func (u *unchanged) Close() error { return u.file.Close() }

// key hashes all that a layer of the set is made of.
func key(set *Set, nodes []*node, s settings) string {
	sums := map[string][32]byte{}
	for _, n := range nodes {
		sums[s.target(n)] = n.sum
	}
	h := sha256.New()
	enc := json.NewEncoder(h)
	for _, f := range set.Files {
		sum := sums[f.Path]
		enc.Encode([]any{f.Path, f.Mode, f.UID, f.GID, f.Link, f.Size, sum[:]})
	}
	return "files " + hex.EncodeToString(h.Sum(nil))
}
