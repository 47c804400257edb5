package imgo

import (
	"context"
	"runtime/debug"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/imgo-build/imgo/internal/attest"
	"github.com/imgo-build/imgo/internal/attest/licenses"
	"github.com/imgo-build/imgo/internal/attest/sbom"
	"github.com/imgo-build/imgo/pkg/build"
)

// modulesLicenses looks up licences in the module cache, by PATH@VERSION. What a
// directory replaced is not there.
func (c *Client) modulesLicenses(ctx context.Context, s *build.GoSettings, modules []ProgramModule) map[string][]string {
	var list []licenses.Module
	for _, m := range modules {
		if m.Replace != nil {
			m = *m.Replace
		}
		if !m.local() {
			list = append(list, licenses.Module{Path: m.Path, Version: m.Version})
		}
	}
	cache := c.compiler.ModuleCache(*s, v1.Platform{OS: "linux", Architecture: "amd64"})
	return licenses.New(cache, c.cache).All(ctx, list)
}

// local reports whether a module is a directory's.
func (m *ProgramModule) local() bool { return sbom.IsDirectory(&debug.Module{Version: m.Version}) }

// ofGo begins the package URLs of Go's modules, the standard library among them.
const (
	ofGo   = "pkg:golang/"
	stdlib = ofGo + "stdlib"
)

// verifiedLicenses takes the licences of modules from the SBOM that was verified. why
// says why they are not known.
func (h *held) verifiedLicenses(r *attest.SubjectReport) (found map[string][]string, why string) {
	check := verified(r, attest.SBOM)
	if check == nil {
		return nil, "the image has no SBOM that was verified"
	}
	_, list, err := sbom.Parse(check.Predicate)
	if err != nil {
		return nil, err.Error()
	}
	own := h.ownModule(list)
	found = map[string][]string{}
	for _, c := range list {
		isModule := strings.HasPrefix(c.PURL, ofGo) && c.PURL != stdlib && !strings.HasPrefix(c.PURL, stdlib+"@")
		if isModule && c.Name != own && (c.Version != "" || !h.isMain(c.Name)) {
			found[c.Name+"@"+c.Version] = append(found[c.Name+"@"+c.Version], c.Licenses...)
		}
	}
	return found, ""
}

// verified is the first check of a kind that came out well and has something to read.
func verified(r *attest.SubjectReport, kind attest.Kind) *attest.Check {
	for i := range r.Checks {
		if c := &r.Checks[i]; c.Kind == kind && c.OK && (c.Predicate != nil || kind == attest.Signature) {
			return c
		}
	}
	return nil
}

// mainPackages are the import paths of the programs in an image that imgo built, the
// image's own last.
func (h *held) mainPackages() []string {
	var out []string
	for _, l := range h.seen.Layers {
		if l.Kind == ProgramLayer || l.Kind == ProbeLayer {
			_, path, _ := strings.Cut(l.CreatedBy, " from package ")
			out = append(out, path)
		}
	}
	return out
}

// isMain reports whether a package of the image's programs is in a module.
func (h *held) isMain(module string) bool {
	for _, path := range h.mainPackages() {
		if path == module || strings.HasPrefix(path, module+"/") {
			return true
		}
	}
	return false
}

// ownModule is the module that the image's own program is of: of those that could be, the
// longest path. Its licence is nobody's to allow.
func (h *held) ownModule(list []sbom.Component) string {
	packages, out := h.mainPackages(), ""
	if len(packages) == 0 {
		return ""
	}
	path := packages[len(packages)-1]
	for _, c := range list {
		if (path == c.Name || strings.HasPrefix(path, c.Name+"/")) && len(c.Name) > len(out) {
			out = c.Name
		}
	}
	return out
}
