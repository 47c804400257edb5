package main

import (
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/imgo-build/imgo/internal/registrytest"
)

// startRegistry is "registry [-auth USER:PASSWORD] [-token] [-tls] [-noartifacts] [NAME]".
// It puts the registry's host into the variable NAME, REGISTRY by default, and with -tls the
// path of its CA certificate into NAME_CA.
func startRegistry(ts *testscript.TestScript, neg bool, args []string) {
	name, opts := "REGISTRY", registrytest.Options{}
	for len(args) > 0 {
		switch args[0] {
		case "-auth":
			opts.Username, opts.Password, _ = strings.Cut(args[1], ":")
			args = args[1:]
		case "-token":
			opts.Token = true
		case "-tls":
			opts.TLS = true
		case "-noartifacts":
			opts.NoArtifacts = true
		default:
			name = args[0]
		}
		args = args[1:]
	}
	reg, err := registrytest.Start(opts)
	ts.Check(err)
	ts.Defer(reg.Close)
	ts.Setenv(name, reg.Host)
	if opts.TLS {
		ca := ts.MkAbs("." + strings.ToLower(name) + "-ca.pem")
		ts.Check(os.WriteFile(ca, reg.CAPEM(), 0o644))
		ts.Setenv(name+"_CA", ca)
	}
	registries.Store(ts.Getenv("WORK")+name, reg)
}

// registries are those of all running scripts; testscript has no place for values
// of a script's own.
var registries sync.Map

func theRegistry(ts *testscript.TestScript, name string) *registrytest.Registry {
	reg, ok := registries.Load(ts.Getenv("WORK") + name)
	if !ok {
		ts.Fatalf("there is no registry: start one with 'registry'")
	}
	return reg.(*registrytest.Registry)
}

// writeRequests is "requests FILE": how many requests of each kind the registry got
// since the last call, a line each.
func writeRequests(ts *testscript.TestScript, neg bool, args []string) {
	reg := theRegistry(ts, "REGISTRY")
	counts := reg.Counts()
	var b strings.Builder
	for _, kind := range slices.Sorted(maps.Keys(counts)) {
		fmt.Fprintf(&b, "%d %s\n", counts[kind], kind)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(b.String()), 0o644))
	reg.Reset()
}

// setFault is "fault KIND STATUS|drop|html|nodigest|baddigest [TIMES]": what goes
// wrong with requests of a kind, for ever or so many times. "! fault" ends it.
func setFault(ts *testscript.TestScript, neg bool, args []string) {
	if neg {
		theRegistry(ts, "REGISTRY").SetFaults(nil)
		return
	}
	left := int64(1 << 40)
	if len(args) == 3 {
		n, err := strconv.ParseInt(args[2], 10, 64)
		ts.Check(err)
		left = n
	}
	var count atomic.Int64
	theRegistry(ts, "REGISTRY").SetFaults(func(r *http.Request) *registrytest.Fault {
		if registrytest.Kind(r.Method, r.URL.Path) != args[0] || count.Add(1) > left {
			return nil
		}
		switch args[1] {
		case "drop":
			return &registrytest.Fault{Drop: true}
		case "html":
			return &registrytest.Fault{Status: 200, Header: http.Header{"Content-Type": {"text/html"}}, Body: "<html>log in to the hotel's network</html>"}
		case "nodigest":
			return &registrytest.Fault{StripHeaders: []string{"Docker-Content-Digest"}}
		case "baddigest":
			return &registrytest.Fault{SetHeaders: http.Header{"Docker-Content-Digest": {"sha256:" + strings.Repeat("0", 64)}}}
		}
		status, err := strconv.Atoi(args[1])
		ts.Check(err)
		return &registrytest.Fault{Status: status, Header: http.Header{"Retry-After": {"0"}}}
	})
}

// stopRegistry is "noregistry [NAME]": the registry is gone.
func stopRegistry(ts *testscript.TestScript, neg bool, args []string) {
	name := "REGISTRY"
	if len(args) > 0 {
		name = args[0]
	}
	theRegistry(ts, name).Close()
}

// loseBlob is "lose REPO DIGEST": the registry no longer has a blob.
func loseBlob(ts *testscript.TestScript, neg bool, args []string) {
	digest, err := v1.NewHash(args[1])
	ts.Check(err)
	theRegistry(ts, "REGISTRY").LoseBlob(args[0], digest)
}

// startProxy is "proxy": an HTTP proxy, its URL in PROXY, behind which every host is
// the registry.
func startProxy(ts *testscript.TestScript, neg bool, args []string) {
	host := theRegistry(ts, "REGISTRY").Host
	forward := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: host})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect {
			forward.ServeHTTP(w, r)
			return
		}
		up, err := net.Dial("tcp", host)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		defer up.Close()
		w.WriteHeader(http.StatusOK)
		down, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer down.Close()
		go func() { _, _ = io.Copy(up, down) }()
		_, _ = io.Copy(down, up)
	}))
	ts.Defer(server.Close)
	ts.Setenv("PROXY", server.URL)
}
