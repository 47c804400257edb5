package engine

import (
	"archive/tar"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// fakeDocker is a docker daemon with a graph driver, as far as images go: it needs
// the blob of a layer only where it does not have the chain of diff IDs below it.
type fakeDocker struct {
	mu       sync.Mutex
	images   map[string]*fakeImage // by ID
	chains   map[string]bool
	log      []string
	received int64 // bytes of tars

	driver string                                        // driver-type of /info; empty for a graph driver
	api    string                                        // Api-Version
	fault  func(http.ResponseWriter, *http.Request) bool // answers instead, where it returns true
}

type fakeImage struct {
	tags   []string
	layers []string // diff IDs
}

// startDocker serves a fake daemon on a socket and returns what leads there.
func startDocker(t testing.TB, d *fakeDocker) Options {
	t.Helper()
	socket := tempSocket(t)
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(d)
	s.Listener.Close()
	s.Listener = l
	s.Start()
	t.Cleanup(s.Close)
	d.images, d.chains = map[string]*fakeImage{}, map[string]bool{}
	if d.api == "" {
		d.api = "1.41"
	}
	return Options{Kind: Docker, Env: []string{"DOCKER_HOST=unix://" + socket}}
}

func (d *fakeDocker) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	d.log = append(d.log, r.Method+" "+r.URL.RequestURI())
	d.mu.Unlock()
	w.Header().Set("Api-Version", d.api)
	if d.fault != nil && d.fault(w, r) {
		return
	}
	ref, action := "", ""
	if rest, ok := strings.CutPrefix(r.URL.Path, "/images/"); ok {
		ref = rest
		if i := strings.LastIndexByte(rest, '/'); i > 0 {
			ref, action = rest[:i], rest[i+1:]
		}
	}
	switch {
	case r.URL.Path == "/info":
		fmt.Fprintf(w, `{"OSType":"linux","Driver":"overlay2","DriverStatus":[["Backing Filesystem","extfs"],["driver-type",%q]]}`, d.driver)
	case r.URL.Path == "/images/json":
		d.list(w)
	case r.URL.Path == "/images/load":
		d.load(w, r.Body)
	case r.Method == http.MethodDelete:
		d.remove(w, ref)
	case action == "json":
		d.inspect(w, ref)
	case action == "tag":
		d.tag(w, ref, r.URL.Query().Get("repo")+":"+r.URL.Query().Get("tag"))
	default:
		reply(w, 404, `{"message":"page not found"}`)
	}
}

func (d *fakeDocker) find(ref string) (string, *fakeImage) {
	if img, ok := d.images[ref]; ok {
		return ref, img
	}
	for id, img := range d.images {
		if slices.Contains(img.tags, ref) {
			return id, img
		}
	}
	return "", nil
}

func (d *fakeDocker) answer(w io.Writer, id string, img *fakeImage) {
	tags, _ := json.Marshal(img.tags)
	layers, _ := json.Marshal(img.layers)
	fmt.Fprintf(w, `{"Id":%q,"RepoTags":%s,"RootFS":{"Type":"layers","Layers":%s}}`, id, tags, layers)
}

func (d *fakeDocker) inspect(w http.ResponseWriter, ref string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if id, img := d.find(ref); img != nil {
		d.answer(w, id, img)
		return
	}
	reply(w, 404, `{"message":"No such image: `+ref+`"}`)
}

func (d *fakeDocker) list(w http.ResponseWriter) {
	d.mu.Lock()
	defer d.mu.Unlock()
	io.WriteString(w, "[")
	for i, id := range slices.Sorted(maps.Keys(d.images)) {
		if i > 0 {
			io.WriteString(w, ",")
		}
		d.answer(w, id, &fakeImage{tags: d.images[id].tags})
	}
	io.WriteString(w, "]")
}

func (d *fakeDocker) tag(w http.ResponseWriter, ref, tag string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	_, img := d.find(ref)
	if img == nil {
		reply(w, 404, `{"message":"No such image: `+ref+`"}`)
		return
	}
	for _, other := range d.images {
		other.tags = slices.DeleteFunc(other.tags, func(t string) bool { return t == tag })
	}
	img.tags = append(img.tags, tag)
	w.WriteHeader(201)
}

func (d *fakeDocker) remove(w http.ResponseWriter, ref string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.images, ref)
	reply(w, 200, "[]")
}

// load reads a tar as dockerd does: all of it first.
func (d *fakeDocker) load(w http.ResponseWriter, body io.Reader) {
	files := map[string][]byte{}
	r := tar.NewReader(&counting{body, d})
	for {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		if err == nil {
			files[h.Name], err = io.ReadAll(r)
		}
		if err != nil {
			reply(w, 500, `{"message":"untar: unexpected EOF"}`)
			return
		}
	}
	id, err := d.take(files)
	if err != nil {
		message, _ := json.Marshal(err.Error())
		reply(w, 200, fmt.Sprintf(`{"errorDetail":{"message":%s},"error":%s}`, message, message))
		return
	}
	reply(w, 200, `{"stream":"Loaded image ID: `+id+`\n"}`+"\r\n")
}

func (d *fakeDocker) take(files map[string][]byte) (string, error) {
	var items []struct {
		Config   string
		Layers   []string
		RepoTags []string
	}
	if err := json.Unmarshal(files["manifest.json"], &items); err != nil || len(items) != 1 {
		return "", fmt.Errorf("manifest.json: %q", files["manifest.json"])
	}
	if len(items[0].RepoTags) > 0 {
		return "", fmt.Errorf("there are names before Tag")
	}
	raw := files[items[0].Config]
	var config v1.ConfigFile
	if err := json.Unmarshal(raw, &config); err != nil {
		return "", err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	img, chain := &fakeImage{}, ""
	for i, diffID := range config.RootFS.DiffIDs {
		chain += diffID.String() + " "
		if _, ok := files[items[0].Layers[i]]; !ok && !d.chains[chain] {
			return "", fmt.Errorf("open /docker-import/%s: no such file or directory", items[0].Layers[i])
		}
		img.layers = append(img.layers, diffID.String())
		d.chains[chain] = true
	}
	id := "sha256:" + strings.TrimPrefix(items[0].Config, "blobs/sha256/")
	if d.driver != "" {
		var index v1.IndexManifest
		if err := json.Unmarshal(files["index.json"], &index); err != nil {
			return "", err
		}
		id = index.Manifests[0].Digest.String()
	}
	d.images[id] = img
	return id, nil
}

// counting counts the bytes of tars.
type counting struct {
	io.Reader
	d *fakeDocker
}

func (c *counting) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.d.mu.Lock()
	c.d.received += int64(n)
	c.d.mu.Unlock()
	return n, err
}

// took returns how many bytes of tars came since the last call.
func (d *fakeDocker) took() int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := d.received
	d.received = 0
	return n
}

// requests returns the requests since the last call.
func (d *fakeDocker) requests() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	log := d.log
	d.log = nil
	return log
}

// tags maps names to IDs.
func (d *fakeDocker) tags() map[string]string {
	d.mu.Lock()
	defer d.mu.Unlock()
	out := map[string]string{}
	for id, img := range d.images {
		for _, t := range img.tags {
			out[t] = id
		}
	}
	return out
}
