package registrytest

import (
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
)

// Request is one request that the registry got.
type Request struct {
	Method, Path, Query string
	Status              int   // of the answer; 0 if there was none
	In                  int64 // bytes read of the request's body
}

// The kinds of request that [Kind] tells apart by name.
const (
	Ping         = "GET /v2/"
	Token        = "token"
	HeadManifest = "HEAD manifest"
	GetManifest  = "GET manifest"
	PutManifest  = "PUT manifest"
	HeadBlob     = "HEAD blob"
	GetBlob      = "GET blob"
	PostUpload   = "POST upload"
	PatchUpload  = "PATCH upload"
	PutBlob      = "PUT blob"
	GetReferrers = "GET referrers"

	DeleteManifest = "DELETE manifest"
)

// Kind names what a request is for, one of the constants or "METHOD path".
func Kind(method, path string) string {
	switch {
	case path == "/token":
		return Token
	case path == "/v2/" || path == "/v2":
		return method + " /v2/"
	case strings.Contains(path, "/blobs/uploads/"):
		if method == "PUT" {
			return PutBlob
		}
		return method + " upload"
	case strings.Contains(path, "/blobs/"):
		return method + " blob"
	case strings.Contains(path, "/manifests/"):
		return method + " manifest"
	case strings.Contains(path, "/referrers/"):
		return method + " referrers"
	}
	return method + " " + path
}

// Kind is [Kind] of the request.
func (r Request) Kind() string { return Kind(r.Method, r.Path) }

// String is the request as a line for a failing test or a script.
func (r Request) String() string {
	query := ""
	if r.Query != "" {
		query = "?" + r.Query
	}
	return fmt.Sprintf("%s %s%s %d", r.Method, r.Path, query, r.Status)
}

// Log returns the requests since the start or the last Reset, in the order in which
// they ended.
func (r *Registry) Log() []Request {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.log)
}

// Counts returns how many requests of each kind the log holds.
func (r *Registry) Counts() map[string]int {
	counts := map[string]int{}
	for _, req := range r.Log() {
		counts[req.Kind()]++
	}
	return counts
}

// Connections returns how many connections were opened, those of a handshake that
// failed too.
func (r *Registry) Connections() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.conns
}

// Reset empties the log and counts connections from 0. What was pushed stays.
func (r *Registry) Reset() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.log, r.conns = nil, 0
}

func (r *Registry) count(_ net.Conn, state http.ConnState) {
	if state != http.StateNew {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.conns++
}

func (r *Registry) record(req Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.log = append(r.log, req)
}
