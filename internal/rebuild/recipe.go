package rebuild

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"golang.org/x/mod/modfile"

	"github.com/imgo-build/imgo/internal/attest/provenance"
	"github.com/imgo-build/imgo/internal/pattern"
	"github.com/imgo-build/imgo/pkg/image"
)

// Artifact is what an image says of itself, or an index and its images. The provenance
// leaves out what is there to be read, such as the values of variables.
type Artifact struct {
	Index  bool
	Images []Image // at least one, in the order of the index
}

// Image is one image.
type Image struct {
	Platform    string
	Created     time.Time
	Env         []string // KEY=VALUE
	Labels      map[string]string
	Annotations map[string]string
	Programs    []string // paths of binaries, from the bottom layer
}

// Recipe is all that it takes to build an image again, apart from the sources.
type Recipe struct {
	// Notes are what could not be taken over, or not be told.
	Notes []string

	parsed   *provenance.Parsed
	artifact Artifact
	settings []entry // of the image, as the configuration has them
	name     string
	named    bool // the configuration can have an image of that name
}

// New checks a provenance and joins it with the image that it is about. The error is a
// [*RefusedError].
func New(p *provenance.Parsed, a Artifact) (*Recipe, error) {
	r := &Recipe{parsed: p, artifact: a, name: p.Name}
	for _, check := range []func() error{r.checkSource, r.checkGo, r.checkPlatforms, r.checkBases, r.setConfig} {
		if err := check(); err != nil {
			return nil, err
		}
	}
	r.note()
	return r, nil
}

func (r *Recipe) addNote(format string, args ...any) {
	r.Notes = append(r.Notes, fmt.Sprintf(format, args...))
}

// note says what makes a difference likely.
func (r *Recipe) note() {
	if !r.parsed.Go.Trimpath {
		r.addNote("the binary was built without -trimpath, so that the names of the builder's directories are in it: elsewhere it is another")
	}
	for _, m := range r.parsed.Modules {
		if by := m.ReplacedBy; by != nil && by.Version == "" && (by.Path == "" || strings.HasPrefix(by.Path, "../")) {
			r.addNote("module %s was replaced by a directory of the builder's, which may not be in the repository", m.Path)
		}
	}
}

func (r *Recipe) checkSource() error {
	s := r.parsed.Source
	switch {
	case s == nil || s.Commit == "":
		return refuse("source", "it names no commit")
	case s.Dirty:
		return refuse("source", "there were changes that are in no commit")
	}
	return nil
}

func (r *Recipe) checkPlatforms() error {
	p := r.parsed
	if len(p.Platforms) == 0 || len(r.artifact.Images) == 0 {
		return refuse("platforms", "there are none")
	}
	for _, platform := range p.Platforms {
		if _, err := image.ParsePlatform(platform); err != nil {
			return refuse("platforms", "%v", err)
		}
	}
	return nil
}

func (r *Recipe) checkBases() error {
	for _, b := range r.parsed.Bases {
		switch base := b.Material.Name; {
		case base == "" && b.Ref == "":
			return refuse("bases", "it was built on a file of the builder's machine")
		case base == "":
		case b.Material.Digest["sha256"] == "":
			return refuse("bases", "%q has no digest", base)
		default:
			if _, err := name.ParseReference(base); err != nil || strings.HasPrefix(base, "oci:") {
				return refuse("bases", "%q is in no registry", base)
			}
		}
	}
	return nil
}

// localBases sees to it that bases that are files are files of the commit's: what else lies
// on this machine is none of a provenance's business.
func (r *Recipe) localBases(root, configDir string) error {
	for _, b := range r.parsed.Bases {
		if b.Material.Name != "" {
			continue
		}
		ref := filepath.FromSlash(strings.TrimPrefix(b.Ref, "oci:"))
		outside := refuse("bases", "%q is no file of the commit's", b.Ref)
		if ref == "" || filepath.IsAbs(ref) {
			return outside
		}
		path, err := filepath.EvalSymlinks(filepath.Join(configDir, ref))
		if err != nil {
			return outside
		}
		if inside, err := filepath.Rel(root, path); err != nil || !filepath.IsLocal(inside) {
			return outside
		}
	}
	return nil
}

// Platforms are those to build for: of one image of an index, that of the image alone.
func (r *Recipe) Platforms() []string {
	if one := r.artifact.Images[0].Platform; !r.artifact.Index && slices.Contains(r.parsed.Platforms, one) {
		return []string{one}
	}
	return r.parsed.Platforms
}

// Created is the time that the image says it was made, as SOURCE_DATE_EPOCH has it.
func (r *Recipe) Created() string {
	created := r.artifact.Images[0].Created
	if created.IsZero() {
		return "0"
	}
	return strconv.FormatInt(created.Unix(), 10)
}

// Stamped is the version that the binary was stamped with where it was, and empty where
// that isn't known.
func (r *Recipe) Stamped() string {
	const label = "org.opencontainers.image.version"
	if !r.parsed.Go.VCS || slices.Contains(keys(r.parsed.Config["labels"]), label) {
		return ""
	}
	return r.artifact.Images[0].Labels[label]
}

// imageName is what a configuration can call an image.
var imageName = pattern.New("^" + image.PathComponent + "$")

// Place is where in a checkout an image is built.
type Place struct {
	ModuleDir string // of the main module, absolute
	ConfigDir string // where paths of the configuration begin, absolute
	Arg       string // what to build: an image's name, or an import path, resolved in ModuleDir
	Config    string // text of the configuration
	Workspace bool   // a go.work has a say
}

// In finds the place in a checkout, whose directory is given without symbolic links. The
// error is a [*RefusedError].
func (r *Recipe) In(root string) (*Place, error) {
	s := r.parsed.Source
	out := &Place{}
	var err error
	if out.ModuleDir, err = below(root, s.Path); err != nil {
		return nil, err
	}
	if out.ConfigDir, err = below(root, s.ConfigPath); err != nil {
		return nil, err
	}
	if err := r.localBases(root, out.ConfigDir); err != nil {
		return nil, err
	}
	text, err := os.ReadFile(filepath.Join(out.ModuleDir, "go.mod"))
	if err != nil {
		return nil, refuse("source.path", "the commit has no go.mod in %q", path.Join("/", s.Path))
	}
	for dir := out.ModuleDir; ; dir = filepath.Dir(dir) {
		if _, err := os.Lstat(filepath.Join(dir, "go.work")); err == nil {
			out.Workspace = true
		}
		if dir == root || filepath.Dir(dir) == dir {
			break
		}
	}
	out.Config, out.Arg = r.config(packageIn(out, modfile.ModulePath(text), r.parsed.Package))
	if isOption(out.Arg) {
		return nil, refuse("package", "%q is not a package", out.Arg)
	}
	return out, nil
}

// below is a directory of a checkout. Symbolic links of the commit's don't lead out of it.
func below(root, rel string) (string, error) {
	dir, err := filepath.EvalSymlinks(filepath.Join(root, filepath.FromSlash(rel)))
	if err != nil {
		return "", refuse("source.path", "the commit has no directory %q", path.Join("/", rel))
	}
	if inside, err := filepath.Rel(root, dir); err != nil || !filepath.IsLocal(inside) {
		return "", refuse("source.path", "%q leads out of the repository", path.Join("/", rel))
	}
	return dir, nil
}

// packageIn is a package of the module as the configuration names it: a path, which can
// also be that of a module in a directory below.
func packageIn(p *Place, module, pkg string) string {
	rest, ok := strings.CutPrefix(pkg, module)
	if !ok || module == "" || rest != "" && rest[0] != '/' {
		return pkg
	}
	rel, err := filepath.Rel(p.ConfigDir, filepath.Join(p.ModuleDir, filepath.FromSlash(rest)))
	if err != nil {
		return pkg
	}
	if rel = filepath.ToSlash(rel); rel == "." || rel == ".." || strings.HasPrefix(rel, "../") {
		return rel
	}
	return "./" + rel
}

// Environment adds to the environment of a rebuild what depends on the checkout: a go.work
// above it is not the commit's.
func (p *Place) Environment(env []string) []string {
	if p.Workspace {
		return env
	}
	return append(slices.Clone(env), "GOWORK=off")
}

// Write puts the configuration where its paths begin, in a file of a name that there isn't
// yet, and keeps git from taking it for a change.
func (p *Place) Write(root string) (file string, err error) {
	f, err := os.CreateTemp(p.ConfigDir, ".imgo-rebuild-*.yaml")
	if err != nil {
		return "", err
	}
	_, err = f.WriteString(p.Config)
	if err = errors.Join(err, f.Close()); err != nil {
		return "", err
	}
	info := filepath.Join(root, ".git", "info")
	if err := os.MkdirAll(info, 0o755); err != nil {
		return "", err
	}
	return f.Name(), os.WriteFile(filepath.Join(info, "exclude"), []byte(filepath.Base(f.Name())+"\n"), 0o644)
}

// keys are the texts of a list.
func keys(v any) []string {
	var out []string
	list, _ := v.([]any)
	for _, e := range list {
		if s, ok := e.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
