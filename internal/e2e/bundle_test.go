//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// runcRoot is where runc keeps its containers.
func runcRoot() string { return filepath.Join(suite.dir, "runc") }

// runBundle runs an unpacked image with runc: on the machine's network, root file
// system read-only, without capabilities, with a /tmp of its own.
func runBundle(s *sandbox, bundle string) *container {
	s.t.Helper()
	port := freePort(s.t)
	lockBundle(s, filepath.Join(bundle, "config.json"), port)
	id := fmt.Sprintf("imgo-e2e-%d", port)
	root, log := runcRoot(), s.path("container.log")
	// The container inherits runc's output, and would keep a pipe to us open.
	s.run("/bin/sh", "-c", `exec runc --root "$1" run --detach --bundle "$2" "$3" >"$4" 2>&1 </dev/null`,
		"sh", root, bundle, id, log)
	c := &container{
		t: s.t, name: "runc", url: fmt.Sprintf("http://127.0.0.1:%d", port),
		logs: func() string {
			out, _ := os.ReadFile(log)
			return string(out)
		},
		kill: func() { s.try("runc", "--root", root, "delete", "--force", id) },
	}
	s.t.Cleanup(c.stop)
	c.await("/healthz")
	return c
}

// lockBundle changes the runtime configuration that umoci wrote.
func lockBundle(s *sandbox, path string, port int) {
	s.t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		s.t.Fatal(err)
	}
	var config map[string]any
	if err := json.Unmarshal(raw, &config); err != nil {
		s.t.Fatal(err)
	}
	process := config["process"].(map[string]any)
	process["terminal"] = false
	process["env"] = append(process["env"].([]any), fmt.Sprintf("PORT=%d", port))
	process["capabilities"] = map[string]any{}
	process["noNewPrivileges"] = true
	delete(process, "rlimits")
	config["root"].(map[string]any)["readonly"] = true
	config["mounts"] = append(config["mounts"].([]any), map[string]any{
		"destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": []string{"nosuid", "nodev", "mode=1777"},
	})
	linux := config["linux"].(map[string]any)
	linux["namespaces"] = slices.DeleteFunc(linux["namespaces"].([]any), func(ns any) bool {
		return ns.(map[string]any)["type"] == "network"
	})
	out, err := json.Marshal(config)
	if err != nil {
		s.t.Fatal(err)
	}
	s.write(path, string(out), 0o644)
}
