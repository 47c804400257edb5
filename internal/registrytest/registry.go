// Package registrytest is an OCI registry inside the test process: in memory, on a
// loopback port, with authentication, faults on request and a log of all requests.
//
// It is built on ggcr's pkg/registry and stricter than that: blobs belong to a
// repository, a manifest is refused while a blob of it is missing, and an upload
// session is good for one PUT. It is not for measuring speed: uploads are taken one
// after the other.
package registrytest

import (
	"crypto/x509"
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"path"
	"strings"
	"sync"
	"testing"

	ggcr "github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// Options configures a registry. The zero value lets anybody do anything.
type Options struct {
	// Username and Password are demanded where set: by HTTP basic authentication, or
	// with Token for a bearer token that the registry issues at /token.
	Username, Password string
	Token              bool

	TLS              bool // HTTPS with a certificate that no system trusts; see [Registry.CAPEM]
	MountRefused     bool // a mount is answered with an upload session
	NoReferrers      bool // the referrers API is not there, nor the header OCI-Subject
	NoArtifacts      bool // manifests that refer to others are refused
	ReferrersPage    int  // entries of a page of the referrers API; 0: all
	AbsoluteLocation bool // upload sessions have absolute URLs

	// Faults is asked before each request is handled; nil means nothing goes wrong.
	// It may be called concurrently.
	Faults func(*http.Request) *Fault
}

// Fault is what goes wrong with one request. With neither Status nor Drop the
// request is handled, with the changes that the other fields ask for.
type Fault struct {
	Status int         // answer this instead of handling the request
	Header http.Header // with these headers
	Body   string      // and this body

	Drop  bool  // break the connection,
	After int64 // after so many bytes of the request's body, or of the answer's if it has none

	StripHeaders []string    // remove these from the real answer
	SetHeaders   http.Header // and set these
	Replace      []byte      // the real answer's body becomes this
}

// Registry is a running registry.
type Registry struct {
	Host string // host:port, as in references

	opts    Options
	server  *httptest.Server
	handler http.Handler
	blobs   *blobStore
	tokens  *tokens

	mu       sync.Mutex
	conns    int
	log      []Request
	sessions map[string]bool
	lists    map[string][]referrer // by repository and subject, in the order of arrival
}

// New starts a registry that ends with the test.
func New(t testing.TB, opts Options) *Registry {
	t.Helper()
	r, err := Start(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

// Start starts a registry, for callers without a test. Close ends it.
func Start(opts Options) (*Registry, error) {
	r := &Registry{
		opts:     opts,
		blobs:    &blobStore{blobs: map[blobKey][]byte{}},
		tokens:   &tokens{granted: map[string][]string{}},
		sessions: map[string]bool{},
		lists:    map[string][]referrer{},
	}
	r.handler = ggcr.New(
		ggcr.Logger(log.New(io.Discard, "", 0)),
		ggcr.WithBlobHandler(r.blobs),
	)
	r.server = httptest.NewUnstartedServer(http.HandlerFunc(r.serve))
	r.Host = r.server.Listener.Addr().String() // before there is anybody to read it
	r.server.Config.ConnState = r.count
	r.server.Config.ErrorLog = log.New(io.Discard, "", 0) // handshakes that fail on purpose
	if opts.TLS {
		r.server.StartTLS()
	} else {
		r.server.Start()
	}
	return r, nil
}

// Close stops the registry. It can be called more than once.
func (r *Registry) Close() {
	r.server.CloseClientConnections()
	r.server.Close()
}

// TLS reports whether the registry speaks HTTPS.
func (r *Registry) TLS() bool { return r.opts.TLS }

// CAPool is what a client has to trust if Options.TLS is set.
func (r *Registry) CAPool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(r.server.Certificate())
	return pool
}

// CAPEM is the same as a file that SSL_CERT_FILE can name.
func (r *Registry) CAPEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: r.server.Certificate().Raw})
}

// SetFaults replaces Options.Faults from the next request on.
func (r *Registry) SetFaults(f func(*http.Request) *Fault) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.opts.Faults = f
}

// HasBlob reports whether a repository ("app/server") has a blob.
func (r *Registry) HasBlob(repo string, digest v1.Hash) bool {
	return r.blobs.has(repo, digest)
}

// LoseBlob deletes a blob behind the back of everybody who knows it to be there.
func (r *Registry) LoseBlob(repo string, digest v1.Hash) {
	r.blobs.remove(repo, digest)
}

// ReplaceBlob puts other bytes in the place of a blob's, behind the back of everybody who
// trusts its digest.
func (r *Registry) ReplaceBlob(repo string, digest v1.Hash, content []byte) {
	r.blobs.put(repo, digest, content)
}

// ExpireTokens makes all tokens issued so far worthless.
func (r *Registry) ExpireTokens() { r.tokens.expire() }

func (r *Registry) url() string {
	return r.server.URL
}

func (r *Registry) serve(w http.ResponseWriter, req *http.Request) {
	rec := &recorder{ResponseWriter: w}
	rec.Header().Set("Docker-Distribution-Api-Version", "registry/2.0") // as the distribution project's does
	body := &countingBody{ReadCloser: req.Body}
	req.Body = body
	defer func() {
		r.record(Request{
			Method: req.Method, Path: req.URL.Path, Query: req.URL.RawQuery,
			Status: rec.status, In: body.n.Load(),
		})
		if rec.abort {
			panic(http.ErrAbortHandler) // closes the connection
		}
	}()
	r.mu.Lock()
	faults := r.opts.Faults
	r.mu.Unlock()
	if faults != nil {
		if f := faults(req); f != nil && rec.apply(f, req) {
			return
		}
	}
	r.route(rec, req)
	rec.finish()
}

func (r *Registry) route(w http.ResponseWriter, req *http.Request) {
	if req.URL.Path == "/token" {
		r.issueToken(w, req)
		return
	}
	if !r.authorised(w, req) {
		return
	}
	switch Kind(req.Method, req.URL.Path) {
	case PostUpload:
		r.startUpload(w, req)
	case PatchUpload:
		r.patchUpload(w, req)
	case PutBlob:
		r.finishUpload(w, req)
	case PutManifest:
		r.putManifest(w, req)
	case GetReferrers:
		r.listReferrers(w, req)
	case DeleteManifest:
		r.unlist(path.Base(req.URL.Path))
		r.handler.ServeHTTP(w, req)
	default:
		r.handler.ServeHTTP(w, req)
	}
}

// repository returns the NAME of a path /v2/NAME/blobs/…, /v2/NAME/manifests/… and
// the like.
func repository(urlPath string) string {
	rest := strings.TrimPrefix(urlPath, "/v2/")
	for _, part := range []string{"/blobs/", "/manifests/", "/tags/", "/referrers/"} {
		if i := strings.LastIndex(rest, part); i > 0 {
			return rest[:i]
		}
	}
	return ""
}
