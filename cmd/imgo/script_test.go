package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// raceDetector is set where the tests were built with it.
var raceDetector bool

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
		// The longest scripts run in make test only, so that go test ./... stays
		// something to do while one waits.
		Condition: func(cond string) (bool, error) {
			if cond == "long" {
				return os.Getenv("IMGO_TEST_LONG") != "", nil
			}
			return false, fmt.Errorf("unknown condition %q", cond)
		},
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
			if !raceDetector {
				// Scripts run side by side: on one processor each, imgo and the go command
				// take a sixth less time in all. The race detector wants to see more.
				env.Setenv("GOMAXPROCS", "1")
			}
			// Where imgo itself is, for scripts that change PATH.
			for _, dir := range filepath.SplitList(env.Getenv("PATH")) {
				if _, err := os.Stat(filepath.Join(dir, "imgo")); err == nil {
					env.Setenv("IMGO", filepath.Join(dir, "imgo"))
					break
				}
			}
			return os.MkdirAll(home, 0o755)
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"registry":   startRegistry,
			"noregistry": stopRegistry,
			"proxy":      startProxy,
			"requests":   writeRequests,
			"fault":      setFault,
			"lose":       loseBlob,
			"status":     status,
			"interrupt":  interrupt,
			"capture":    capture,
			"binary":     extractBinary,
			"files":      checkFiles,
			"contents":   writeContents,
			"sigstore":   haveSigstore,
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
