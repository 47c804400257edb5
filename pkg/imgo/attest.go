package imgo

import (
	"context"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/imgo-build/imgo/internal/attest"
	"github.com/imgo-build/imgo/internal/attest/licenses"
	"github.com/imgo-build/imgo/internal/attest/packages"
	"github.com/imgo-build/imgo/internal/attest/provenance"
	"github.com/imgo-build/imgo/internal/attest/sbom"
	"github.com/imgo-build/imgo/internal/attest/sigstore"
	"github.com/imgo-build/imgo/internal/base/runtimelayer"
	"github.com/imgo-build/imgo/internal/environ"
	"github.com/imgo-build/imgo/internal/git"
	"github.com/imgo-build/imgo/internal/license"
	"github.com/imgo-build/imgo/pkg/build"
	"github.com/imgo-build/imgo/pkg/image"
)

// Signing is what a [Client] needs of its process to sign.
type Signing struct {
	Executable  string // imgo's own file, beside which imgo-sigstore lies
	Interactive bool   // there is somebody who can log in with a browser
	// Password is asked for the password of a key; nil for nobody.
	Password func(ctx context.Context, path string) (string, error)
}

// attester makes the part that tells of images. Nothing of it is started before it is
// used.
func (c *Client) attester() *attest.Attester {
	env := environ.Environ(c.opts.Env)
	builder, _, _ := provenance.FromGitHub(env.Get)
	password := c.opts.Signing.Password
	if password == nil {
		password = func(context.Context, string) (string, error) { return "", nil }
	}
	return attest.New(attest.Options{
		Registry: c.registry,
		Sigstore: sigstore.New(sigstore.Options{
			Executable: c.opts.Signing.Executable, Path: env.Get("PATH"), Env: signerEnv(c.opts.Env), Dir: c.opts.Dir, Version: c.opts.Version,
		}),
		Results: c.memory, Recheck: c.opts.NoFastPath, Events: c.opts.Events,
		Version: c.opts.Version, Assembly: AssemblyVersion(),
		Packages: c.packagesOf, Runtime: runtimeParts(), Licenses: c.licensesOf,
		Dir: c.opts.Dir, Source: c.sourceOf, Effective: c.compiler.Effective, Builder: builder,
		Password:    password,
		Token:       func(ctx context.Context) (string, error) { return attest.AmbientToken(ctx, env.Get, c.opts.Transport) },
		Interactive: c.opts.Signing.Interactive,
	})
}

// signerVariables are what imgo-sigstore may see of the environment. Passwords and tokens
// are not: what it needs of those goes through the pipe.
var signerVariables = []string{
	"PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "TMP", "TEMP", "LANG", "TUF_ROOT", "TUF_MIRROR", "SSL_CERT_FILE", "SSL_CERT_DIR",
	"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "DISPLAY", "WAYLAND_DISPLAY", "BROWSER", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "XDG_CACHE_HOME",
	"DBUS_SESSION_BUS_ADDRESS", "SYSTEMROOT", "USERPROFILE", "APPDATA", "LOCALAPPDATA", "GODEBUG",
}

func signerEnv(env []string) []string {
	out := []string{}
	for _, kv := range env {
		key, _, _ := strings.Cut(kv, "=")
		if slices.Contains(signerVariables, strings.ToUpper(key)) {
			out = append(out, kv)
		}
	}
	return out
}

// packagesOf lists the packages of a base.
func (c *Client) packagesOf(ctx context.Context, base build.Base) (sbom.Base, error) {
	out := sbom.Base{Name: base.Name}
	if base.Digest != (v1.Hash{}) {
		out.Digest = base.Digest.String()
	}
	tree, err := c.bases.Rootfs(ctx, base)
	if err != nil {
		return out, err
	}
	found, err := packages.In(tree)
	if err != nil {
		out.Incomplete = err.Error()
		return out, nil
	}
	out.Incomplete = found.Why
	for _, p := range found.Packages {
		out.Packages = append(out.Packages, sbom.Package{
			Type: p.Type, Namespace: p.Namespace, Name: p.Name, Version: p.Version, Arch: p.Arch,
			Source: p.Source, License: p.License, Distro: found.Distro,
		})
	}
	return out, nil
}

func runtimeParts() sbom.Runtime {
	out := sbom.Runtime{Parts: []sbom.Part{
		{Name: "golang.org/x/crypto/x509roots/fallback", Version: runtimelayer.CARoots, Source: "https://pkg.go.dev/golang.org/x/crypto/x509roots/fallback", License: "MPL-2.0"},
		{Name: "tzdata", Version: runtimelayer.TZData, Source: "https://www.iana.org/time-zones"},
	}}
	if digest, err := runtimelayer.Layer().Digest(); err == nil {
		out.Digest = digest.String()
	}
	return out
}

// licensesOf tells the licences of a program's modules.
func (c *Client) licensesOf(ctx context.Context, p build.MadeProgram) map[string][]string {
	if p.Info == nil {
		return nil
	}
	settings := p.Go
	finder := licenses.New(c.compiler.ModuleCache(settings, v1.Platform{OS: "linux", Architecture: "amd64"}), c.cache)
	var modules []licenses.Module
	out := map[string][]string{}
	for _, d := range p.Info.Deps {
		m := d
		if d.Replace != nil {
			m = d.Replace
		}
		if !sbom.IsDirectory(m) {
			modules = append(modules, licenses.Module{Path: m.Path, Version: m.Version})
			continue
		}
		if d.Replace == nil {
			continue // of a workspace: where it is there, build information doesn't say
		}
		dir := filepath.FromSlash(m.Path)
		if !filepath.IsAbs(dir) && p.Package.Module != nil {
			dir = filepath.Join(p.Package.Module.Dir, dir)
		}
		if ids, err := finder.OfDir(dir); err == nil && len(ids) > 0 {
			out[sbom.Key(d)] = ids
		}
	}
	for key, ids := range finder.All(ctx, modules) {
		out[key] = ids
	}
	if m := p.Package.Module; m != nil && m.Version == "" {
		if id := license.Detect(m.Dir); id != "" {
			out[sbom.Key(&p.Info.Main)] = []string{id}
		}
	}
	return out
}

// sourceOf asks git where sources come from, and for the root of their repository; nil
// where it doesn't know.
func (c *Client) sourceOf(ctx context.Context, dir string) (*provenance.Source, string, error) {
	o := git.Options{Env: c.opts.Env, Dir: dir, Dirty: true, Remote: true, Now: c.cache.Now}
	if !c.opts.NoFastPath {
		o.Results = c.memory
	}
	facts, err := git.Read(ctx, o)
	if ctx.Err() != nil {
		return nil, "", ctx.Err()
	}
	if err != nil {
		return nil, "", nil // a module that is in no repository has no commit to tell
	}
	s := &provenance.Source{Repository: facts.Remote, Commit: facts.Commit, Dirty: facts.Dirty}
	switch {
	case facts.Tag != "":
		s.Ref = "refs/tags/" + facts.Tag
	case facts.Branch != "":
		s.Ref = "refs/heads/" + facts.Branch
	}
	return s, facts.Root, nil
}

// Sign signs an image or index that is in a registry, with the images of an index.
func (c *Client) Sign(ctx context.Context, ref string, s build.Signing) (name.Digest, error) {
	r, err := name.ParseReference(ref)
	if err != nil {
		return name.Digest{}, err
	}
	c.memory.release()
	return c.attester().SignReference(ctx, r, &s)
}

// SBOM returns the SBOM that an image in a registry carries, in a format: "spdx" or
// "cyclonedx". Of an index, platform chooses the image; empty takes the only one, or
// linux/amd64.
func (c *Client) SBOM(ctx context.Context, ref, platform, format string) ([]byte, error) {
	r, err := name.ParseReference(ref)
	if err != nil {
		return nil, err
	}
	platforms := []string{}
	if platform != "" {
		platforms = append(platforms, platform)
	}
	found, err := c.Inspect(ctx, ref, InspectOptions{Platforms: platforms})
	if err != nil {
		return nil, err
	}
	images := found[0].Images
	i := max(0, slices.IndexFunc(images, func(i InspectedImage) bool {
		return i.Platform == image.PlatformString(v1.Platform{OS: "linux", Architecture: "amd64"})
	}))
	digest, err := v1.NewHash(images[i].Digest)
	if err != nil {
		return nil, err
	}
	return c.attester().SBOMOf(ctx, r.Context(), digest, format)
}
