package imgo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/imgo-build/imgo/internal/attest"
	"github.com/imgo-build/imgo/internal/attest/provenance"
	"github.com/imgo-build/imgo/internal/config"
	"github.com/imgo-build/imgo/internal/rebuild"
	"github.com/imgo-build/imgo/pkg/event"
)

// RebuildOptions are what [Client.Rebuild] needs besides the provenance.
type RebuildOptions struct {
	Source string // a clone to take the commit from instead of the repository, absolute; or empty
}

// Rebuild is what came out of building an image again.
type Rebuild struct {
	Same      bool          `json:"same"`    // the digests are equal
	Digest    string        `json:"digest"`  // that was verified
	Rebuilt   string        `json:"rebuilt"` // of what was built
	Source    RebuildSource `json:"source"`
	Toolchain string        `json:"toolchain"` // the version of Go that compiled it, and compiled it again
	Imgo      RebuildImgo   `json:"imgo"`
	// Omitted is what the provenance does not tell: because of it, the outcome may differ.
	Omitted []RebuildOmission `json:"omitted,omitempty"`
	Notes   []string          `json:"notes,omitempty"` // for people
	// Comparison is what differs between the image (old) and what was built (new).
	Comparison *Comparison `json:"comparison,omitempty"`
}

// RebuildSource is what it was built from.
type RebuildSource struct {
	Repository string `json:"repository,omitempty"`
	Commit     string `json:"commit"`
	Path       string `json:"path,omitempty"` // of the main module
	Local      string `json:"local,omitempty"`
}

// RebuildImgo is which imgo built the image, and which built it again.
type RebuildImgo struct {
	Recorded string `json:"recorded"`
	Used     string `json:"used"`
}

// RebuildOmission is something that the provenance leaves out, and why.
type RebuildOmission struct {
	What string `json:"what"`
	Why  string `json:"why"`
}

// RebuildError says that an image could not be built again, which is no fault of whoever
// asked for it.
type RebuildError struct{ Err error }

func (e *RebuildError) Error() string {
	if _, ok := e.Err.(*rebuild.RefusedError); ok {
		return e.Err.Error() // which says that too
	}
	return "building it again: " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *RebuildError) Unwrap() error { return e.Err }

// Rebuild builds what was verified again, from the commit, with the settings, the bases
// and the toolchain that its provenance names, and adds to the verification whether the
// same digest comes out. Nothing is pushed or kept.
//
// Only a verified provenance is believed. An error, always a [*RebuildError] unless the
// context ended, means that it could not be built again; then the verification is that it
// isn't verified.
func (c *Client) Rebuild(ctx context.Context, v *Verification, o RebuildOptions) (err error) {
	defer func() {
		if err == nil {
			return
		}
		v.Verified = false
		if ctx.Err() == nil {
			err = &RebuildError{err}
		}
	}()
	parsed, err := provenOf(&v.Report)
	if err != nil {
		return err
	}
	ref, err := name.ParseReference(v.Reference)
	if err != nil {
		return err
	}
	subject := ref.Context().Digest(v.Digest).Name()
	artifact, err := c.artifactOf(ctx, subject)
	if err != nil {
		return err
	}
	recipe, err := rebuild.New(parsed, artifact)
	if err != nil {
		return err
	}
	temp, err := os.MkdirTemp("", "imgo-rebuild-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	if temp, err = realDir(temp); err != nil {
		return err
	}
	r := &rebuilding{Client: c, options: o, parsed: parsed, recipe: recipe, temp: temp}
	if err := r.prepare(ctx); err != nil {
		return err
	}
	if err := r.build(ctx); err != nil {
		return err
	}
	v.Rebuild, err = r.report(ctx, subject, v.Digest)
	v.Verified = v.Verified && err == nil && v.Rebuild.Same
	return err
}

func realDir(dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(dir)
}

// provenOf is the provenance that was verified of the image or index itself. Where the same
// was built more than once, what can be built again counts; and statements of other builders
// beside that of imgo count for nothing.
func provenOf(report *attest.Report) (*provenance.Parsed, error) {
	var found *provenance.Parsed
	var none error = &rebuild.RefusedError{What: "provenance", Reason: "there is none that is verified"}
	if !report.Verified || len(report.Subjects) == 0 {
		return nil, none
	}
	for _, check := range report.Subjects[0].Checks {
		if !check.OK || check.Kind != attest.Provenance {
			continue
		}
		for _, statement := range check.Statements {
			parsed, err := provenance.Parse(statement)
			switch {
			case err != nil:
				none = err
			case found == nil || dirty(found) && !dirty(parsed):
				found = parsed
			}
		}
	}
	if found == nil {
		return nil, none
	}
	return found, nil
}

func dirty(p *provenance.Parsed) bool { return p.Source == nil || p.Source.Dirty }

// artifactOf reads what an image says of itself.
func (c *Client) artifactOf(ctx context.Context, ref string) (rebuild.Artifact, error) {
	found, err := c.Inspect(ctx, ref, InspectOptions{})
	if err != nil {
		return rebuild.Artifact{}, err
	}
	out := rebuild.Artifact{}
	for i := range found[0].Images {
		img := &found[0].Images[i]
		out.Index = out.Index || img.Digest != found[0].Digest
		one := rebuild.Image{
			Platform: img.Platform, Created: img.Created, Env: img.Config.Env, Labels: img.Config.Labels, Annotations: img.Annotations,
		}
		for _, l := range img.Layers {
			if l.Kind == ProgramLayer {
				path, _, _ := strings.Cut(strings.TrimPrefix(l.CreatedBy, ownHistory), " from ")
				one.Programs = append(one.Programs, path)
			}
		}
		out.Images = append(out.Images, one)
	}
	return out, nil
}

// rebuilding is a rebuild under way.
type rebuilding struct {
	*Client
	options RebuildOptions
	parsed  *provenance.Parsed
	recipe  *rebuild.Recipe
	temp    string // absolute, without symbolic links

	golang *rebuild.Go
	env    []string
	place  *rebuild.Place
	other  *rebuild.Imgo // nil for this one
	notes  []string
}

func (r *rebuilding) root() string   { return filepath.Join(r.temp, "source") }
func (r *rebuilding) layout() string { return filepath.Join(r.temp, "image") }

// prepare gets everything that building takes.
func (r *rebuilding) prepare(ctx context.Context) error {
	r.golang = &rebuild.Go{Run: rebuild.Exec, Env: r.opts.Env, Dir: r.temp}
	settings, err := r.golang.Settings(ctx)
	if err != nil {
		return err
	}
	r.env = rebuild.Environment(r.opts.Env, settings)
	if err := r.fetchImgo(ctx); err != nil {
		return err
	}
	if err := r.checkout(ctx); err != nil {
		return err
	}
	if r.place, err = r.recipe.In(r.root()); err != nil {
		return err
	}
	toolchain, note, err := r.golang.Toolchain(ctx, r.env, r.parsed.Go.Toolchain, settings["GOVERSION"])
	if err != nil {
		return err
	}
	if note != "" {
		r.notes = append(r.notes, note)
	}
	r.env = append(r.place.Environment(r.env), "GOTOOLCHAIN="+toolchain)
	return nil
}

// fetchImgo gets the imgo that assembles images as the one did that made this, where that
// isn't this one.
func (r *rebuilding) fetchImgo(ctx context.Context) (err error) {
	recorded := r.parsed.Imgo
	if recorded.AssemblyVersion == AssemblyVersion() {
		return nil
	}
	refused := &rebuild.OtherImgoError{Version: recorded.Version, Assembly: recorded.AssemblyVersion, Own: AssemblyVersion()}
	if !rebuild.Fetchable(recorded.Version) {
		return refused
	}
	done := event.Track(r.opts.Events, event.Load, "imgo "+recorded.Version)
	defer func() { done("", err) }()
	r.other = &rebuild.Imgo{Run: rebuild.Exec, Env: r.env, Dir: filepath.Join(r.temp, "imgo")}
	if refused.Err = r.other.Fetch(ctx, r.golang, recorded.Version, recorded.AssemblyVersion); refused.Err != nil {
		return refused
	}
	return nil
}

func (r *rebuilding) checkout(ctx context.Context) (err error) {
	source := r.parsed.Source
	from := cmp.Or(r.options.Source, source.Repository)
	done := event.Track(r.opts.Events, event.Load, fmt.Sprintf("commit %.12s of %s", source.Commit, from))
	defer func() { done("", err) }()
	checkout := rebuild.Checkout{
		Run: rebuild.Exec, Env: r.opts.Env, Dir: r.root(), Source: *source, Local: r.options.Source,
		History: r.parsed.Go.VCS, Version: r.recipe.Stamped(),
	}
	notes, err := checkout.Do(ctx)
	r.notes = append(r.notes, notes...)
	return err
}

// build leaves the image in a layout.
func (r *rebuilding) build(ctx context.Context) error {
	file, err := r.place.Write(r.root())
	if err != nil {
		return err
	}
	if r.other != nil {
		r.other.Env = rebuild.WithCredentials(r.env, r.opts.Env)
		return r.other.Build(ctx, rebuild.Order{
			Dir: r.place.ModuleDir, Config: file, Name: r.place.Arg, Layout: r.layout(), Created: r.recipe.Created(), Settings: r.connections(),
		})
	}
	req, err := config.Resolve(config.Input{
		Dir: r.place.ModuleDir, Config: file, Patterns: []string{r.place.Arg}, Output: "oci:" + r.layout(),
		Jobs: cmp.Or(r.opts.Jobs, runtime.GOMAXPROCS(0)), SourceDateEpoch: r.recipe.Created(),
	})
	// It is no file of the commit's: none of its patterns is to match it.
	if err := errors.Join(err, os.Remove(file)); err != nil {
		return err
	}
	client, err := r.builder()
	if err != nil {
		return err
	}
	defer client.Close()
	plan, err := client.Plan(ctx, req)
	if err != nil {
		return err
	}
	_, err = client.Run(ctx, plan)
	return err
}

// builder is a client that knows nothing of earlier builds, nor of the user's settings but
// those of registries.
func (r *rebuilding) builder() (*Client, error) {
	o := r.opts
	o.Env, o.credentials = r.env, r.opts.Env
	o.Dir, o.CacheDir = r.place.ModuleDir, filepath.Join(r.temp, "cache")
	o.Lock, o.Locked, o.Signing, o.NoFastPath = "", false, Signing{}, true
	return New(o)
}

// connections are the settings of registries as flags for another imgo.
func (r *rebuilding) connections() []string {
	var out []string
	add := func(flag, value string) { out = append(out, "--"+flag, value) }
	for _, host := range r.opts.PlainHTTP {
		add("plain-http", host)
	}
	for _, host := range slices.Sorted(maps.Keys(r.opts.Registries)) {
		registry := r.opts.Registries[host]
		for _, file := range registry.CA {
			add("registry-ca", host+"="+file)
		}
		if registry.Cert != "" {
			add("registry-cert", host+"="+registry.Cert+","+registry.Key)
		}
	}
	for _, host := range slices.Sorted(maps.Keys(r.opts.Mirrors)) {
		add("registry-mirror", host+"="+r.opts.Mirrors[host])
	}
	return out
}

// report says what came out, compared with the image.
func (r *rebuilding) report(ctx context.Context, subject, digest string) (*Rebuild, error) {
	built, err := r.openSide(ctx, "oci:"+r.layout())
	if err != nil {
		return nil, err
	}
	built.archive.Close()
	source := r.parsed.Source
	out := &Rebuild{
		Same: built.Digest == digest, Digest: digest, Rebuilt: built.Digest,
		Source:    RebuildSource{source.Repository, source.Commit, source.Path, r.options.Source},
		Toolchain: r.parsed.Go.Toolchain,
		Imgo:      RebuildImgo{Recorded: r.parsed.Imgo.Version, Used: r.opts.Version},
		Notes:     slices.Concat(r.recipe.Notes, r.notes),
	}
	if r.other != nil {
		out.Imgo.Used = r.parsed.Imgo.Version
	}
	for _, o := range r.parsed.Omitted {
		out.Omitted = append(out.Omitted, RebuildOmission(o))
	}
	if out.Same {
		return out, nil
	}
	out.Comparison, err = r.Compare(ctx, subject, "oci:"+r.layout(), CompareOptions{BuildInfo: true, Files: true})
	if err != nil {
		return nil, err
	}
	out.Comparison.New.Reference = "rebuilt"
	if len(out.Omitted) == 0 && r.parsed.Go.Trimpath { // each of which explains it
		out.Notes = append(out.Notes, unexplained(out.Comparison)...)
	}
	return out, nil
}

// unexplained are the programs that differ although what they say of themselves doesn't.
func unexplained(c *Comparison) []string {
	var out []string
	for i := range c.Images {
		img := &c.Images[i]
		for _, l := range img.Layers {
			if l.Same || l.Old == nil || l.New == nil || l.New.Kind != ProgramLayer || l.Recompressed() {
				continue
			}
			path, _, _ := strings.Cut(strings.TrimPrefix(l.New.CreatedBy, ownHistory), " from ")
			content := slices.ContainsFunc(img.Files, func(f FileComparison) bool {
				return f.Path == path && f.Old && f.New && slices.ContainsFunc(f.Changes, func(c Change) bool { return c.Field == "content" || c.Field == "size" })
			})
			info := slices.ContainsFunc(img.Programs, func(p ProgramComparison) bool { return p.Path == path })
			if content && !info {
				out = append(out, fmt.Sprintf("%s for %s is another program, although Go, modules and settings that stand in it are the same: "+
					"neither explains the difference. The image may hold what this commit is not, or was linked with other flags than were told", path, img.Platform))
			}
		}
	}
	return out
}
