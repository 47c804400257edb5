//go:build e2e && interop

package e2e

import (
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// syft runs syft, which looks into images itself.
func syft(s *sandbox, args ...string) string {
	s.t.Helper()
	s.vars["SYFT_CHECK_FOR_APP_UPDATE"] = "false"
	return s.run(filepath.Join(suite.tools, "syft"), args...)
}

// spdxModules are the Go modules of an SPDX document, PATH@VERSION, without the standard
// library. The URLs of packages only tell what is a module: people differ on how to write
// a path in one.
func spdxModules(t *testing.T, text string) []string {
	t.Helper()
	var doc struct {
		Packages []struct {
			Name, VersionInfo string
			ExternalRefs      []struct{ ReferenceLocator string }
		}
	}
	if err := json.Unmarshal([]byte(text), &doc); err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, p := range doc.Packages {
		for _, r := range p.ExternalRefs {
			if strings.HasPrefix(r.ReferenceLocator, "pkg:golang/") && p.Name != "stdlib" {
				out = append(out, p.Name+"@"+p.VersionInfo)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// syft finds in the image the modules that imgo's SBOM says are in it, and reads imgo's
// SBOMs.
func TestSyft(t *testing.T) {
	s := newSandbox(t)
	s.timeout = 20 * time.Minute
	s.fetchModule(natsServer.module, "mod")
	image := plainRegistry(t) + "/syft/nats:v1"
	s.imgo("push", "-C", "mod", natsServer.command, "--sbom", "spdx,cyclonedx", "-t", image)
	ours := s.imgo("sbom", image)
	theirs := syft(s, "scan", "-q", "registry:"+image, "-o", "spdx-json")
	want := spdxModules(t, ours)
	if len(want) < 10 {
		t.Fatalf("imgo finds the modules %q only", want)
	}
	if diff := cmp.Diff(want, spdxModules(t, theirs)); diff != "" {
		t.Errorf("modules that imgo (-) and syft (+) find:\n%s", diff)
	}
	for name, text := range map[string]string{"spdx.json": ours, "cdx.json": s.imgo("sbom", "--format", "cyclonedx", image)} {
		file := s.write(s.path(name), text, 0o644)
		if diff := cmp.Diff(want, spdxModules(t, syft(s, "convert", "-q", file, "-o", "spdx-json"))); diff != "" {
			t.Errorf("modules in imgo's %s (-) and as syft reads it (+):\n%s", name, diff)
		}
	}
}
