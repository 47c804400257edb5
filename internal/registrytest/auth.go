package registrytest

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
)

// tokens are the bearer tokens issued and what each allows: "REPO:pull" and
// "REPO:push".
type tokens struct {
	mu      sync.Mutex
	granted map[string][]string
}

func (t *tokens) issue(scopes []string) string {
	var allowed []string
	for _, scope := range strings.Fields(strings.Join(scopes, " ")) {
		rest, ok := strings.CutPrefix(scope, "repository:")
		i := strings.LastIndex(rest, ":")
		if !ok || i < 0 {
			continue
		}
		for action := range strings.SplitSeq(rest[i+1:], ",") {
			allowed = append(allowed, rest[:i]+":"+action)
		}
	}
	token := rand.Text()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.granted[token] = allowed
	return token
}

func (t *tokens) allows(token, access string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	allowed, ok := t.granted[token]
	return ok && (access == "" || slices.Contains(allowed, access))
}

func (t *tokens) expire() {
	t.mu.Lock()
	defer t.mu.Unlock()
	clear(t.granted)
}

// issueToken is the token server of the distribution project's token flow.
func (r *Registry) issueToken(w http.ResponseWriter, req *http.Request) {
	if !r.knows(req) {
		problem(w, http.StatusUnauthorized, "UNAUTHORIZED", "incorrect username or password")
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]string{"token": r.tokens.issue(req.URL.Query()["scope"])})
}

func (r *Registry) knows(req *http.Request) bool {
	user, password, ok := req.BasicAuth()
	return ok && user == r.opts.Username && password == r.opts.Password
}

// authorised lets a request pass, or answers it with a challenge.
func (r *Registry) authorised(w http.ResponseWriter, req *http.Request) bool {
	if r.opts.Username == "" && !r.opts.Token {
		return true
	}
	if !r.opts.Token {
		if r.knows(req) {
			return true
		}
		w.Header().Set("WWW-Authenticate", `Basic realm="registrytest"`)
		problem(w, http.StatusUnauthorized, "UNAUTHORIZED", "authentication required")
		return false
	}
	repo, action := repository(req.URL.Path), "push"
	if req.Method == http.MethodGet || req.Method == http.MethodHead {
		action = "pull"
	}
	access := ""
	if repo != "" {
		access = repo + ":" + action
	}
	if r.tokens.allows(bearer(req), access) {
		return true
	}
	challenge := fmt.Sprintf("Bearer realm=%q,service=%q", r.url()+"/token", r.Host)
	if repo != "" {
		challenge += fmt.Sprintf(",scope=%q", "repository:"+repo+":"+action)
	}
	w.Header().Set("WWW-Authenticate", challenge)
	problem(w, http.StatusUnauthorized, "UNAUTHORIZED", "authentication required")
	return false
}

// mayPull reports whether the request's credentials reach another repository too,
// as a mount demands.
func (r *Registry) mayPull(req *http.Request, repo string) bool {
	return !r.opts.Token || r.tokens.allows(bearer(req), repo+":pull")
}

func bearer(req *http.Request) string {
	token, _ := strings.CutPrefix(req.Header.Get("Authorization"), "Bearer ")
	return token
}

// problem answers with an error document of the distribution specification.
func problem(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{
		"errors": []map[string]string{{"code": code, "message": message}},
	})
}
