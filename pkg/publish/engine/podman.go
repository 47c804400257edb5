package engine

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/imgo-build/imgo/internal/environ"
	"github.com/imgo-build/imgo/pkg/publish"
)

// podmanStore is podman by its command line. The image goes to podman load as an OCI
// archive, of which podman opens only the blobs that its storage lacks: those that it
// has need not be in the archive.
type podmanStore struct {
	podman *program
}

// podmanConnector asks podman for some image: it answers if it can use its storage,
// or reach its machine.
func podmanConnector(env environ.Environ, some string) connector {
	return func(ctx context.Context) ([]store, error) {
		p, err := findProgram(Podman, "podman", env)
		if err != nil {
			return nil, err
		}
		_, err = p.run(ctx, nil, "image", "exists", some)
		if err != nil && exitCode(err) != 1 { // 1 is no
			return nil, err
		}
		return []store{&podmanStore{p}}, nil
	}
}

func (*podmanStore) String() string { return Podman }
func (*podmanStore) close()         {}

// podmanImage is an image in the answers of podman images and podman image inspect.
type podmanImage struct {
	ID       string   `json:"Id"` // a config's digest, with or without the algorithm
	Names    []string // of podman images
	RepoTags []string // of podman image inspect
	RootFS   struct{ Layers []string }
}

// examined is how many images are looked at in search of common layers.
const examined = 100

// find implements store.
func (s *podmanStore) find(ctx context.Context, p *parcel) (stock, error) {
	var images []podmanImage
	if err := s.ask(ctx, &images, "images", "--no-trunc", "--format", "json"); err != nil {
		return stock{}, err
	}
	found := stock{named: map[string]bool{}}
	var ids []string // those first that have one of the names
	for _, img := range images {
		ours := slices.ContainsFunc(img.Names, func(n string) bool { return slices.Contains(p.names, n) })
		if strings.TrimPrefix(img.ID, "sha256:") == p.config.Hex {
			found.whole = true
			for _, n := range img.Names {
				found.named[n] = true
			}
		} else if ours {
			ids = slices.Insert(ids, 0, img.ID)
		} else {
			ids = append(ids, img.ID)
		}
	}
	if found.whole || len(ids) == 0 {
		return found, nil
	}
	layers := 0
	if err := s.ask(ctx, &images, slices.Concat([]string{"image", "inspect"}, ids[:min(len(ids), examined)])...); err != nil {
		return found, nil // one was just removed, perhaps; this saves bytes only
	}
	for _, img := range images {
		layers = max(layers, p.shared(img.RootFS.Layers))
	}
	found.has = p.lowest(layers)
	return found, nil
}

// ask runs podman and decodes its answer.
func (s *podmanStore) ask(ctx context.Context, to any, args ...string) error {
	out, err := s.podman.run(ctx, nil, args...)
	if err != nil {
		return err
	}
	if err := json.Unmarshal([]byte(out), to); err != nil {
		return &EngineError{Engine: Podman, Kind: Refused, Where: "podman", Err: err,
			Reason: "podman " + args[0] + " answered something that is no JSON of images"}
	}
	return nil
}

// load implements store.
func (s *podmanStore) load(ctx context.Context, p *parcel, has map[v1.Hash]bool, at func(int64)) error {
	podman, clean, err := s.withTemp()
	if err != nil {
		return err
	}
	defer clean()
	_, err = podman.run(ctx, func(ctx context.Context, w io.Writer) error {
		return p.stream.Write(ctx, w, publish.StreamOptions{Has: has, At: at})
	}, "load", "--quiet")
	return err
}

// withTemp gives podman a directory for its temporary files, which it leaves behind
// when it is killed: podman load keeps a copy of what it reads, and one unpacked.
func (s *podmanStore) withTemp() (*program, func(), error) {
	if runtime.GOOS != "linux" {
		return s.podman, func() {}, nil // the files are in a virtual machine
	}
	parent := environ.Environ(s.podman.env).Get("TMPDIR")
	if parent == "" {
		parent = "/var/tmp" // podman's own choice: /tmp may be small
	}
	dir, err := os.MkdirTemp(parent, "imgo-podman-")
	if err != nil {
		return s.podman, func() {}, nil // podman will say better what is wrong with it
	}
	p := *s.podman
	p.env = append(slices.Clone(p.env), "TMPDIR="+dir)
	return &p, func() { os.RemoveAll(dir) }, nil
}

// tag implements store.
func (s *podmanStore) tag(ctx context.Context, p *parcel, names []string) error {
	_, err := s.podman.run(ctx, nil, slices.Concat([]string{"tag", p.config.Hex}, names)...)
	return err
}

// release implements store.
func (s *podmanStore) release(ctx context.Context, p *parcel, tagged bool) error {
	if tagged {
		return nil
	}
	var images []podmanImage
	err := s.ask(ctx, &images, "image", "inspect", p.config.Hex)
	if err != nil || len(images) != 1 || len(images[0].RepoTags) > 0 {
		return nil // it isn't there, or it is somebody's
	}
	_, err = s.podman.run(ctx, nil, "rmi", p.config.Hex)
	return err
}
