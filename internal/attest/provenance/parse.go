package provenance

import (
	"errors"
	"fmt"
	"time"
)

// Parsed is what a statement tells.
type Parsed struct {
	Input
	Omitted []Omission // sorted; with any, a rebuild may differ
}

// FormatError is a statement that is not as it should be.
type FormatError struct {
	Field  string // such as "predicate.buildDefinition.buildType"; empty for the document
	Reason string
}

func (e *FormatError) Error() string {
	if e.Field == "" {
		return "reading the provenance: " + e.Reason
	}
	return fmt.Sprintf("reading the provenance: %s %s", e.Field, e.Reason)
}

// OtherBuildError is provenance of SLSA's of something that imgo, or this version of
// it, did not build, so that its parameters mean nothing here.
type OtherBuildError struct {
	BuildType string
	Builder   string // the builder's ID, as far as it can be read
}

func (e *OtherBuildError) Error() string {
	return fmt.Sprintf("reading the provenance: it is of another kind of build: %q", e.BuildType)
}

// Parse reads a statement that [Statement] wrote. What it does not know is ignored, as
// in-toto and SLSA ask for; a dependency without a kind of ours too.
//
// The outcome is well-formed and no more: whoever builds by it must hold flags and
// variables against what a stranger may say.
//
// Errors: [*FormatError], [*OtherBuildError].
func Parse(statement []byte) (*Parsed, error) {
	doc, err := decode(statement)
	if err != nil {
		return nil, &FormatError{Reason: "it is no JSON document that can be trusted: " + err.Error()}
	}
	r := &reader{}
	root := value{r: r, v: doc}.required()
	r.equal(root.get("_type"), StatementType)
	r.equal(root.get("predicateType"), PredicateType)
	def, run := root.get("predicate").get("buildDefinition"), root.get("predicate").get("runDetails")
	builder := run.get("builder").get("id").required().text()
	if kind := def.get("buildType").required().text(); r.err == nil && kind != BuildType {
		return nil, &OtherBuildError{BuildType: kind, Builder: builder}
	}
	out := &Parsed{}
	out.Builder.ID = builder
	for _, s := range root.get("subject").required().list() {
		out.Subjects = append(out.Subjects, Subject{s.get("name").required().text(), s.get("digest").textMap()})
	}
	out.external(def.get("externalParameters").required())
	out.internal(def.get("internalParameters").required())
	out.dependencies(def.get("resolvedDependencies"))
	out.metadata(run.get("metadata"))
	if r.err == nil {
		if e, ok := errors.AsType[*InputError](check(out.Input)); ok {
			r.refuse("", "%s", e.Reason)
		}
	}
	if r.err != nil {
		return nil, r.err
	}
	return out, nil
}

func (r *reader) equal(v value, want string) {
	if got := v.required().text(); got != want {
		r.refuse(v.at, "is %q instead of %q", got, want)
	}
}

func (p *Parsed) external(v value) {
	if s := v.get("source"); s.v != nil {
		p.Source = &Source{
			Repository: s.get("repository").text(), Ref: s.get("ref").text(), Path: s.get("path").text(), ConfigPath: s.get("configPath").text(),
		}
		if p.Source.Repository != repository(p.Source.Repository) {
			v.r.refuse(s.at+".repository", "is no URL of a repository that all can reach")
		}
	}
	p.Package, p.Name = v.get("package").required().text(), v.get("name").required().text()
	p.Platforms = v.get("platforms").required().texts()
	g := v.get("go").required()
	p.Go = GoSettings{
		Tags: g.get("tags").texts(), Ldflags: g.get("ldflags").texts(), Gcflags: g.get("gcflags").texts(),
		Trimpath: g.get("trimpath").flag(), VCS: g.get("vcs").flag(), Env: g.get("env").textMap(),
	}
	for name := range p.Go.Env {
		if !AllowedEnv(name) {
			v.r.refuse(g.at+".env", "has a variable that is never told")
		}
	}
	for _, b := range v.get("bases").list() {
		p.Bases = append(p.Bases, Base{Platform: b.get("platform").text(), Ref: b.get("ref").text()})
	}
	if config := v.get("config").object(); len(config) > 0 {
		p.Config = config
	}
	for _, o := range v.get("omitted").list() {
		p.Omitted = append(p.Omitted, Omission{o.get("what").required().text(), o.get("why").required().text()})
	}
}

func (p *Parsed) internal(v value) {
	p.Go.Toolchain = v.get("toolchain").required().text()
	imgo := v.get("imgo").required()
	p.Imgo = Imgo{imgo.get("version").text(), imgo.get("assemblyVersion").text()}
	p.Builder.GitHub = v.get("github").textMap()
}

// dependencies reads the resolved dependencies. Bases come in the order in which the
// parameters have them.
func (p *Parsed) dependencies(v value) {
	sources, bases := 0, 0
	for _, d := range v.list() {
		a := d.get("annotations")
		m := Material{Name: d.get("name").text(), URI: d.get("uri").text(), Digest: d.get("digest").textMap()}
		kind, ours := a.get("kind").v.(string)
		switch {
		case !ours:
		case kind == kindSource:
			sources++
			p.source(d, m, a.get("modified").flag())
		case kind == kindBase:
			if bases++; bases > len(p.Bases) || p.Bases[bases-1].Platform != a.get("platform").text() {
				d.r.refuse(d.at, "is a base that the parameters don't have in this place")
				return
			}
			p.Bases[bases-1].Material = m
		case kind == kindFile:
			p.Files = append(p.Files, m)
		case kind == kindModule:
			p.module(d, m, a)
		}
	}
	switch {
	case sources > 1 || p.Source != nil && sources == 0:
		v.r.refuse(v.at, "have %d sources instead of one", sources)
	case bases != len(p.Bases):
		v.r.refuse(v.at, "have %d bases of %d", bases, len(p.Bases))
	}
}

func (p *Parsed) source(d value, m Material, modified bool) {
	if p.Source == nil {
		d.r.refuse(d.at, "is a source that the parameters don't have")
		return
	}
	p.Source.Commit, p.Source.Dirty = m.Digest["gitCommit"], modified
	if m.URI != gitURI(*p.Source) {
		d.r.refuse(d.at+".uri", "is not that of the source in the parameters")
	}
}

func (p *Parsed) module(d value, m Material, a value) {
	out := Module{Path: m.Name, Version: a.get("version").text(), Sum: a.get("h1").text()}
	uri := out.uri()
	if by := a.get("replacedBy"); by.v != nil {
		out.ReplacedBy = &Module{Path: by.get("path").text(), Version: by.get("version").text()}
		uri = out.uri()
	}
	sum, err := dirHash(out.Sum)
	switch {
	case out.Path == "":
		d.r.refuse(d.at+".name", "is missing")
	case m.URI != uri:
		d.r.refuse(d.at+".uri", "is not that of the module in its annotations")
	case err != nil || m.Digest["dirHash"] != sum:
		d.r.refuse(d.at+".digest", "is not the module's sum")
	}
	p.Modules = append(p.Modules, out)
}

func (p *Parsed) metadata(v value) {
	p.Builder.Invocation = v.get("invocationId").text()
	p.Started, p.Finished = v.get("startedOn").time(), v.get("finishedOn").time()
}

// time reads a time; the zero time where there is none.
func (v value) time() time.Time {
	text := v.text()
	if text == "" {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		v.r.refuse(v.at, "is no time (RFC 3339)")
	}
	return t.UTC()
}
