package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/imgo-build/imgo/internal/environ"
	"github.com/imgo-build/imgo/pkg/publish"
)

// dockerStore is a docker daemon, or something that speaks its API.
//
// A daemon with a graph driver unpacks layers as it gets them, knows them by their
// chains of diff IDs and an image by its config, and does not open the blobs of
// chains that it has. One that keeps images in containerd knows images by their
// manifests and needs all blobs.
type dockerStore struct {
	api        *dockerAPI
	containerd bool
}

// oldestAPI is the version from which on load takes a manifest.json: Docker 1.10's.
const oldestAPI = "1.22"

func dockerConnector(env environ.Environ) connector {
	return func(ctx context.Context) ([]store, error) {
		host, err := findDockerHost(env)
		if err != nil {
			return nil, err
		}
		s := &dockerStore{api: newDockerAPI(host, env)}
		if err := s.connect(ctx); err != nil {
			s.close()
			return nil, err
		}
		return []store{s}, nil
	}
}

// patience is how long a daemon may take to say what it is.
const patience = 30 * time.Second

// connect finds out what kind of daemon it is.
func (s *dockerStore) connect(ctx context.Context) error {
	asking, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("it says nothing for %s", patience))
	defer cancel()
	err := s.identify(asking)
	if err != nil && ctx.Err() == nil && asking.Err() != nil {
		return connectError(Docker, s.api.host.name, context.Cause(asking))
	}
	return err
}

func (s *dockerStore) identify(ctx context.Context) error {
	var info struct {
		DriverStatus [][2]string
		OSType       string
	}
	header, found, err := s.api.get(ctx, "/info", nil, &info)
	if err != nil {
		return err
	}
	where := s.api.host.name
	if !found {
		return &EngineError{Engine: Docker, Kind: Unreachable, Where: where, Reason: where + " is no docker daemon"}
	}
	if v := header.Get("Api-Version"); v != "" && olderAPI(v, oldestAPI) {
		return &EngineError{Engine: Docker, Kind: TooOld, Where: v,
			Reason: fmt.Sprintf("the daemon at %s speaks version %s of docker's API; %s is needed", where, v, oldestAPI)}
	}
	if info.OSType != "" && info.OSType != "linux" {
		return &EngineError{Engine: Docker, Kind: Refused, Where: where,
			Reason: fmt.Sprintf("the daemon at %s runs containers for %s, not linux", where, info.OSType)}
	}
	s.containerd = slices.Contains(info.DriverStatus, [2]string{"driver-type", "io.containerd.snapshotter.v1"})
	return nil
}

// olderAPI compares versions of the form MAJOR.MINOR.
func olderAPI(v, than string) bool {
	var a, b, c, d int
	if n, _ := fmt.Sscanf(v, "%d.%d", &a, &b); n != 2 {
		return false
	}
	_, _ = fmt.Sscanf(than, "%d.%d", &c, &d)
	return a < c || a == c && b < d
}

func (*dockerStore) String() string { return Docker }
func (s *dockerStore) close()       { s.api.client.CloseIdleConnections() }

// id is what the daemon calls the parcel's image.
func (s *dockerStore) id(p *parcel) v1.Hash {
	if s.containerd {
		return p.stream.Digest()
	}
	return p.config
}

// dockerImage is an image in the daemon's answers.
type dockerImage struct {
	ID       string `json:"Id"`
	RepoTags []string
	RootFS   struct{ Layers []string }
}

func (s *dockerStore) inspect(ctx context.Context, ref string) (img dockerImage, found bool, err error) {
	_, found, err = s.api.get(ctx, "/images/"+ref+"/json", nil, &img)
	return img, found, err
}

// find implements store.
func (s *dockerStore) find(ctx context.Context, p *parcel) (stock, error) {
	img, found, err := s.inspect(ctx, s.id(p).String())
	if err != nil {
		return stock{}, err
	}
	if found {
		named := map[string]bool{}
		for _, n := range img.RepoTags {
			if t, err := name.NewTag(n); err == nil {
				named[publish.FullName(t)] = true
			}
		}
		return stock{whole: true, named: named}, nil
	}
	if s.containerd {
		return stock{}, nil
	}
	n, err := s.sharedLayers(ctx, p)
	return stock{has: p.lowest(n)}, err
}

// sharedLayers counts the layers of the parcel, from the bottom, that are in images
// of the daemon: in that of the same name, which is the last build most of the time,
// else in any.
func (s *dockerStore) sharedLayers(ctx context.Context, p *parcel) (n int, err error) {
	enough := len(p.layers) - 1 // the top one is the new program
	look := func(refs []string) error {
		for _, ref := range refs {
			if n >= enough {
				return nil
			}
			img, found, err := s.inspect(ctx, ref)
			if err != nil {
				return err
			}
			if found {
				n = max(n, p.shared(img.RootFS.Layers))
			}
		}
		return nil
	}
	if err := look(p.names); err != nil || n >= enough {
		return n, err
	}
	var images []dockerImage
	if _, _, err := s.api.get(ctx, "/images/json", nil, &images); err != nil {
		return n, err
	}
	var ids []string
	for _, img := range images {
		ids = append(ids, img.ID)
	}
	err = look(ids[:min(len(ids), examined)])
	return n, err
}

// load implements store.
func (s *dockerStore) load(ctx context.Context, p *parcel, has map[v1.Hash]bool, at func(int64)) error {
	r, w := io.Pipe()
	written := make(chan error, 1)
	go func() {
		err := p.stream.Write(ctx, w, publish.StreamOptions{Has: has, At: at})
		_ = w.CloseWithError(err) // a request whose body fails is aborted
		written <- err
	}()
	err := s.api.load(ctx, r)
	_ = r.Close() // for a daemon that answers without having read all
	if werr := <-written; werr != nil && !errors.Is(werr, io.ErrClosedPipe) {
		return werr
	}
	return err
}

// tag implements store.
func (s *dockerStore) tag(ctx context.Context, p *parcel, names []string) error {
	for _, n := range names {
		at := strings.LastIndexByte(n, ':')
		query := url.Values{"repo": {n[:at]}, "tag": {n[at+1:]}}
		resp, err := s.api.do(ctx, http.MethodPost, "/images/"+s.id(p).String()+"/tag", query, nil)
		if err != nil {
			return err
		}
		resp.Body.Close()
	}
	return nil
}

// release implements store. A name that another process gave the image in the
// meantime keeps it.
func (s *dockerStore) release(ctx context.Context, p *parcel, tagged bool) error {
	if tagged {
		return nil
	}
	id := s.id(p).String()
	img, found, err := s.inspect(ctx, id)
	if err != nil || !found || len(img.RepoTags) > 0 {
		return err
	}
	resp, err := s.api.do(ctx, http.MethodDelete, "/images/"+id, nil, nil)
	if refused(err) {
		return nil // a container runs it already
	} else if err != nil {
		return err
	}
	return resp.Body.Close()
}
