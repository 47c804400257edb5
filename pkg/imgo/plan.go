package imgo

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/imgo-build/imgo/internal/spelling"
	"github.com/imgo-build/imgo/pkg/build"
	"github.com/imgo-build/imgo/pkg/image"
)

// Plan finds the packages of a request and settles all names.
func (c *Client) Plan(ctx context.Context, req build.Request) (*build.Plan, error) {
	p := planner{client: c, req: &req, loaded: map[string][]build.Package{}}
	choices, err := p.choose(ctx)
	if err != nil {
		return nil, err
	}
	targets, err := p.targets(ctx, choices)
	if err != nil {
		return nil, err
	}
	if err := c.checkLock(targets); err != nil {
		return nil, err
	}
	if err := c.checkTrust(targets); err != nil {
		return nil, err
	}
	if err := c.addFacts(ctx, &req, targets); err != nil {
		return nil, err
	}
	if !c.opts.NoFastPath {
		for i := range targets {
			root := &targets[i].Settings.FilesRoot
			root.Results, root.Now = c.memory, c.cache.Now
		}
	}
	return build.NewPlan(req, targets)
}

// Packages resolves patterns to main packages; see [build.Compiler].
func (c *Client) Packages(ctx context.Context, s *build.Settings, patterns []string) ([]build.Package, error) {
	return c.compiler.Load(ctx, s.Go, platformOf(s), patterns)
}

// platformOf is the platform that packages are looked up for. Which files belong to a
// package depends on the platform, which packages there are hardly ever does: one
// stands for all.
func platformOf(s *build.Settings) v1.Platform {
	if len(s.Platforms) > 0 {
		return s.Platforms[0]
	}
	return v1.Platform{OS: "linux", Architecture: "amd64"}
}

// planner turns what a request names into targets.
type planner struct {
	client *Client
	req    *build.Request
	loaded map[string][]build.Package // by loadKey
}

// choice is a target to be: an image of the configuration, or a package without one.
type choice struct {
	image *build.Image
	pkg   build.Package
}

// choose lists what is to be built in the order of the arguments: images by their
// name, and packages by patterns, which stand for the images configured for them.
func (p *planner) choose(ctx context.Context) ([]choice, error) {
	args := p.req.Patterns
	var out []choice
	if len(args) == 0 {
		for i := range p.req.Images {
			out = append(out, choice{image: &p.req.Images[i]})
		}
		if len(out) > 0 {
			return out, nil
		}
		args = []string{"."}
	}
	var patterns []string
	for _, arg := range args {
		if len(p.named(arg)) == 0 && !slices.Contains(patterns, arg) {
			patterns = append(patterns, arg)
		}
	}
	byPattern, err := p.load(ctx, &p.req.Default, patterns)
	if err != nil {
		return nil, err
	}
	seen := map[*build.Image]bool{}
	add := func(image *build.Image) {
		if !seen[image] {
			seen[image] = true
			out = append(out, choice{image: image})
		}
	}
	for _, arg := range slices.Compact(slices.Clone(args)) {
		if images := p.named(arg); len(images) > 0 {
			for _, image := range images {
				add(image)
			}
			continue
		}
		for _, pkg := range byPattern[arg] {
			if pkg.Err != nil {
				pkg.Err = p.perhapsImage(arg, pkg.Err)
			}
			images := p.imagesOf(pkg)
			for _, image := range images {
				add(image)
			}
			if len(images) == 0 {
				out = append(out, choice{pkg: pkg})
			}
		}
		delete(byPattern, arg)
	}
	return out, nil
}

// NoImageError is an argument that is no package, and perhaps a misspelt image.
type NoImageError struct {
	Name    string
	Similar string   // the image that was probably meant, or empty
	Have    []string // the images that there are
	Err     error    // why it is no package
}

func (e *NoImageError) Error() string {
	reason := fmt.Sprintf("%s is neither an image of the configuration nor a package", e.Name)
	if e.Similar != "" {
		reason += fmt.Sprintf(", did you mean %s?", e.Similar)
	}
	return reason
}

// Unwrap returns the cause.
func (e *NoImageError) Unwrap() error { return e.Err }

// perhapsImage explains why a word is no package where it may have been meant as the
// name of an image.
func (p *planner) perhapsImage(arg string, err error) error {
	if strings.ContainsAny(arg, "./\\") || len(p.req.Images) == 0 {
		return err
	}
	e := &NoImageError{Name: arg, Err: err}
	distance := 3
	for _, i := range p.req.Images {
		e.Have = append(e.Have, i.Name)
		if d := spelling.Distance(arg, i.Name); d < distance {
			e.Similar, distance = i.Name, d
		}
	}
	return e
}

// named are the configured images that an argument means without the go command being
// asked: by their name, or by the directory of their package, which may be in another
// module.
func (p *planner) named(arg string) []*build.Image {
	var out []*build.Image
	for i := range p.req.Images {
		image := &p.req.Images[i]
		if image.Name == arg {
			return []*build.Image{image}
		}
		if dir := packagePath(p.req.Default.Go.Dir, arg); dir != "" && dir == packagePath(image.Settings.Go.Dir, image.Package) {
			out = append(out, image)
		}
	}
	return out
}

// packagePath is the directory that a pattern names, or nothing.
func packagePath(dir, pattern string) string {
	if strings.Contains(pattern, "...") || !isPath(pattern) {
		return ""
	}
	path := filepath.FromSlash(pattern)
	if !filepath.IsAbs(path) {
		path = filepath.Join(dir, path)
	}
	return realPath(path)
}

func isPath(pattern string) bool {
	return pattern == "." || pattern == ".." || strings.HasPrefix(pattern, "./") || strings.HasPrefix(pattern, "../") || filepath.IsAbs(pattern)
}

// imagesOf are the images that are configured for a package.
func (p *planner) imagesOf(pkg build.Package) []*build.Image {
	var out []*build.Image
	for i := range p.req.Images {
		if image := &p.req.Images[i]; means(image.Settings.Go.Dir, image.Package, pkg) {
			out = append(out, image)
		}
	}
	return out
}

// means reports whether a pattern, resolved in dir, names a package.
func means(dir, pattern string, pkg build.Package) bool {
	if !isPath(pattern) {
		return pattern == pkg.ImportPath
	}
	return pkg.Dir != "" && packagePath(dir, pattern) == realPath(pkg.Dir)
}

// realPath is a path without symbolic links, as far as it exists.
func realPath(path string) string {
	if resolved, err := filepath.EvalSymlinks(path); err == nil {
		return resolved
	}
	return filepath.Clean(path)
}

// load resolves patterns with an image's settings. The packages come back by the
// pattern that brought each in first.
func (p *planner) load(ctx context.Context, s *build.Settings, patterns []string) (map[string][]build.Package, error) {
	out := map[string][]build.Package{}
	if len(patterns) == 0 {
		return out, nil
	}
	pkgs, err := p.client.Packages(ctx, s, patterns)
	if err != nil {
		return nil, err
	}
	for _, pkg := range pkgs {
		out[pkg.Pattern] = append(out[pkg.Pattern], pkg)
	}
	key := loadKey(s)
	p.loaded[key] = append(p.loaded[key], pkgs...)
	return out, nil
}

// loadKey is equal for settings with which a pattern means the same packages.
func loadKey(s *build.Settings) string {
	return strings.Join([]string{s.Go.Dir, image.PlatformString(platformOf(s)), strings.Join(s.Go.Tags, ","), strings.Join(s.Go.BuildEnv, "\n")}, "\x00")
}

// targets completes the choices by their packages. Images whose packages mean the
// same share one go command.
func (p *planner) targets(ctx context.Context, choices []choice) ([]build.Target, error) {
	missing := map[string][]string{}
	settings := map[string]*build.Settings{}
	var keys []string
	for _, c := range choices {
		if c.image == nil {
			continue
		}
		s := &c.image.Settings
		key := loadKey(s)
		for _, pattern := range append([]string{c.image.Package}, extraPackages(c.image)...) {
			if _, ok := p.find(s, pattern); ok || slices.Contains(missing[key], pattern) {
				continue
			}
			if settings[key] == nil {
				keys, settings[key] = append(keys, key), s
			}
			missing[key] = append(missing[key], pattern)
		}
	}
	for _, key := range keys {
		if _, err := p.load(ctx, settings[key], missing[key]); err != nil {
			return nil, err
		}
	}
	var out []build.Target
	for _, c := range choices {
		t := build.Target{Name: c.pkg.Name, Package: c.pkg, Settings: p.req.Default}
		if c.image != nil {
			t = p.configured(c.image)
		}
		out = append(out, t)
	}
	return out, nil
}

func extraPackages(i *build.Image) []string {
	var out []string
	for _, b := range i.Binaries {
		out = append(out, b.Package)
	}
	return out
}

// find looks for a package among those that were loaded.
func (p *planner) find(s *build.Settings, pattern string) (build.Package, bool) {
	loaded := p.loaded[loadKey(s)]
	i := slices.IndexFunc(loaded, func(pkg build.Package) bool {
		return pkg.Pattern == pattern || means(s.Go.Dir, pattern, pkg)
	})
	if i < 0 {
		return build.Package{}, false
	}
	return loaded[i], true
}

// configured is the target of an image of the configuration.
func (p *planner) configured(i *build.Image) build.Target {
	find := func(what, where, pattern string) build.Package {
		pkg, ok := p.find(&i.Settings, pattern)
		if !ok {
			pkg.Err = fmt.Errorf("package %s was not found", pattern)
		}
		pkg.Pattern = pattern
		if pkg.Err != nil {
			pkg.Err = &build.SettingError{Setting: what, Where: where, Err: pkg.Err}
		}
		return pkg
	}
	t := build.Target{Name: i.Name, Package: find("image "+i.Name, i.Where, i.Package), Settings: i.Settings}
	for _, b := range i.Binaries {
		prog := build.Program{
			Package: find(fmt.Sprintf("binary %s of image %s", b.Name, i.Name), b.Where, b.Package),
			Path:    b.Path,
			Go:      i.Settings.Go,
			Ldflags: i.Settings.Ldflags,
			Where:   b.Where,
		}
		if prog.Path == "" {
			prog.Path = "/app/" + b.Name
		}
		t.More = append(t.More, prog)
	}
	return t
}
