package main

import (
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/imgo-build/imgo/internal/registrytest"
)

// TestMain lets the scripts run this test binary as imgo, in a process of its own.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"imgo": func() { os.Exit(run()) }})
}

// TestScripts runs testdata/script: every behaviour of the command line, each
// script with a home, a cache and registries of its own.
func TestScripts(t *testing.T) {
	modules, err := filepath.Abs("../../testdata/mod")
	if err != nil {
		t.Fatal(err)
	}
	goCache := goEnv(t, "GOCACHE")
	testscript.Run(t, testscript.Params{
		Dir:                 "../../testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			home := filepath.Join(env.WorkDir, ".home")
			for _, kv := range []string{
				"HOME=" + home,
				"XDG_CACHE_HOME=" + filepath.Join(home, ".cache"),
				"IMGO_CACHE_DIR=" + filepath.Join(env.WorkDir, ".cache"),
				"MOD=" + modules,
				"GOCACHE=" + goCache, // what scripts compile is the same every time
				"GOENV=off", "GOFLAGS=", "GOPROXY=off", "GOTOOLCHAIN=local", "GOWORK=",
				"GIT_CONFIG_GLOBAL=" + os.DevNull, "GIT_CONFIG_NOSYSTEM=1",
			} {
				key, value, _ := strings.Cut(kv, "=")
				env.Setenv(key, value)
			}
			return os.MkdirAll(home, 0o755)
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"registry": startRegistry,
			"requests": writeRequests,
			"fault":    setFault,
			"lose":     loseTmp,
		},
	})
}

func goEnv(t *testing.T, key string) string {
	t.Helper()
	out, err := exec.Command("go", "env", key).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// startRegistry is "registry [-auth USER:PASSWORD] [-token] [-tls] [NAME]". It puts
// the registry's host into the variable NAME, REGISTRY by default, and with -tls the
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

func theRegistry(ts *testscript.TestScript) *registrytest.Registry {
	reg, ok := registries.Load(ts.Getenv("WORK") + "REGISTRY")
	if !ok {
		ts.Fatalf("there is no registry: start one with 'registry'")
	}
	return reg.(*registrytest.Registry)
}

// writeRequests is "requests FILE": how many requests of each kind the registry got
// since the last call, a line each.
func writeRequests(ts *testscript.TestScript, neg bool, args []string) {
	reg := theRegistry(ts)
	counts := reg.Counts()
	var b strings.Builder
	for _, kind := range slices.Sorted(maps.Keys(counts)) {
		fmt.Fprintf(&b, "%d %s\n", counts[kind], kind)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(b.String()), 0o644))
	reg.Reset()
}

// setFault is "fault KIND STATUS|drop|html|nodigest|baddigest [TIMES]": what goes
// wrong with requests of a kind, for ever or so many times.
func setFault(ts *testscript.TestScript, neg bool, args []string) {
	left := int64(1 << 40)
	if len(args) == 3 {
		n, err := strconv.ParseInt(args[2], 10, 64)
		ts.Check(err)
		left = n
	}
	var count atomic.Int64
	theRegistry(ts).SetFaults(func(r *http.Request) *registrytest.Fault {
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

// loseTmp is "lose DIR": fails if imgo left temporary files in a directory.
func loseTmp(ts *testscript.TestScript, neg bool, args []string) {
	entries, err := os.ReadDir(ts.MkAbs(args[0]))
	ts.Check(err)
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") && strings.Contains(e.Name(), "tmp") {
			ts.Fatalf("%s was left in %s", e.Name(), args[0])
		}
	}
}
