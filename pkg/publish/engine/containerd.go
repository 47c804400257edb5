package engine

import (
	"context"
	"io"
	"net"
	"runtime"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/imgo-build/imgo/internal/environ"
	"github.com/imgo-build/imgo/pkg/publish"
)

// containerdStore is a containerd by its own command line, ctr, here or in a node.
//
// Its content store is asked for the blobs that it has, which are left out of the
// archive: an import takes them from the store. Until the image is tagged a name made
// of its digest keeps it from containerd's garbage collection.
type containerdStore struct {
	label   string
	ctr     *program // with address and namespace
	options []string // of imports
}

// Where containerd is, unless the environment says otherwise.
const (
	defaultAddress   = "/run/containerd/containerd.sock"
	defaultNamespace = "default"
)

func containerdConnector(env environ.Environ) connector {
	return func(ctx context.Context) ([]store, error) {
		ctr, err := findProgram(Containerd, "ctr", env)
		if err != nil {
			return nil, err
		}
		address, namespace := env.Get("CONTAINERD_ADDRESS"), env.Get("CONTAINERD_NAMESPACE")
		if address == "" {
			address = defaultAddress
		}
		if namespace == "" {
			namespace = defaultNamespace
		}
		// ctr waits for a socket that isn't there.
		if socket := strings.TrimPrefix(address, "unix://"); runtime.GOOS != "windows" {
			d := net.Dialer{Timeout: 10 * time.Second}
			conn, err := d.DialContext(ctx, "unix", socket)
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			if err != nil {
				return nil, connectError(Containerd, address, err)
			}
			conn.Close()
		}
		return []store{&containerdStore{
			label: Containerd,
			ctr:   ctr.with("--address", address, "--namespace", namespace),
		}}, nil
	}
}

func (s *containerdStore) String() string { return s.label }
func (*containerdStore) close()           {}

// held is the name that keeps a parcel which has no other.
func held(p *parcel) string {
	n := p.names[0]
	return n[:strings.LastIndexByte(n, ':')] + "@" + p.stream.Digest().String()
}

// find implements store.
func (s *containerdStore) find(ctx context.Context, p *parcel) (stock, error) {
	has, err := s.content(ctx)
	if err != nil {
		return stock{}, err
	}
	found := stock{has: map[v1.Hash]bool{}}
	blobs := p.stream.Blobs()
	for _, b := range blobs {
		if has[b.Digest.String()] {
			found.has[b.Digest] = true
		}
	}
	if len(found.has) < len(blobs) {
		return found, nil
	}
	names, err := s.ctr.run(ctx, nil, "images", "ls", "-q", "target.digest=="+p.stream.Digest().String())
	if err != nil {
		return stock{}, err
	}
	found.named = map[string]bool{}
	for _, n := range strings.Fields(names) {
		found.whole = true // content alone may be garbage that is about to be collected
		found.named[n] = true
	}
	return found, nil
}

// content lists the digests of the blobs that the content store has.
func (s *containerdStore) content(ctx context.Context) (map[string]bool, error) {
	out, err := s.ctr.run(ctx, nil, "content", "ls", "-q")
	if err != nil {
		return nil, err
	}
	has := map[string]bool{}
	for _, d := range strings.Fields(out) {
		has[d] = true
	}
	return has, nil
}

// load implements store.
func (s *containerdStore) load(ctx context.Context, p *parcel, has map[v1.Hash]bool, at func(int64)) error {
	unpack := s.options
	if !p.chosen.right {
		unpack = []string{"--no-unpack"} // nothing in it is for this machine
	}
	if err := s.bring(ctx, p, publish.StreamOptions{Names: []string{held(p)}, Has: has, At: at}, unpack); err != nil {
		return err
	}
	if len(has) == 0 {
		return nil
	}
	// An import looks only for what it unpacks. Now that the image holds its blobs they
	// are there for good, or were removed before.
	now, err := s.content(ctx)
	if err != nil {
		return err
	}
	for h := range has {
		if !now[h.String()] {
			return &EngineError{Engine: s.ctr.engine, Kind: Refused, Where: s.label,
				Reason: "it removed " + h.String() + " while the image was loaded"}
		}
	}
	return nil
}

// bring imports a stream.
func (s *containerdStore) bring(ctx context.Context, p *parcel, o publish.StreamOptions, options []string) error {
	args := append([]string{"images", "import", "--all-platforms"}, options...)
	_, err := s.ctr.run(ctx, func(ctx context.Context, w io.Writer) error {
		return p.stream.Write(ctx, w, o)
	}, append(args, "-")...)
	return err
}

// tag implements store: an import of nothing but names, which moves each of them in
// one step, where ctr images tag removes it before it adds it.
func (s *containerdStore) tag(ctx context.Context, p *parcel, names []string) error {
	all := map[v1.Hash]bool{}
	for _, b := range p.stream.Blobs() {
		all[b.Digest] = true
	}
	return s.bring(ctx, p, publish.StreamOptions{Names: names, Has: all}, []string{"--no-unpack"})
}

// release implements store.
func (s *containerdStore) release(ctx context.Context, p *parcel, _ bool) error {
	_, err := s.ctr.run(ctx, nil, "images", "rm", held(p))
	if refused(err) && strings.Contains(err.Error(), "not found") {
		return nil
	}
	return err
}
