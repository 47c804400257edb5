package provenance

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"
)

// Statement writes the statement, as JSON without blanks or a newline at its end.
//
// Errors: [*InputError] for what can't be told, [*SecretError].
func Statement(in Input) ([]byte, error) {
	if err := check(in); err != nil {
		return nil, err
	}
	r := newRedaction(in)
	doc := document{Type: StatementType, PredicateType: PredicateType}
	for _, s := range in.Subjects {
		doc.Subject = append(doc.Subject, descriptor{Name: s.Name, Digest: s.Digest})
	}
	source := publicSource(in.Source)
	def := &doc.Predicate.BuildDefinition
	def.BuildType = BuildType
	def.InternalParameters = internal{
		Toolchain: in.Go.Toolchain,
		Imgo:      imgoParameters{in.Imgo.Version, in.Imgo.AssemblyVersion},
		GitHub:    in.Builder.GitHub,
	}
	def.ResolvedDependencies = dependencies(in, source, r)
	var err error
	if def.ExternalParameters, err = parameters(in, source, r); err != nil {
		return nil, err
	}
	doc.Predicate.RunDetails = details(in)
	return encode(doc)
}

// InputError is something that can't be told as it is.
type InputError struct{ Reason string }

func (e *InputError) Error() string { return "writing the provenance: " + e.Reason }

func check(in Input) error {
	refuse := func(format string, args ...any) error { return &InputError{fmt.Sprintf(format, args...)} }
	switch {
	case len(in.Subjects) == 0:
		return refuse("it is about no image")
	case in.Package == "" || in.Name == "":
		return refuse("it has no package, or the image no name")
	case in.Source != nil && !isCommit(in.Source.Commit):
		return refuse("the source's commit %q is none", in.Source.Commit)
	case in.Source != nil && !inside(in.Source.Path):
		return refuse("the main module is outside of the repository, at %q", in.Source.Path)
	case in.Source != nil && !inside(in.Source.ConfigPath):
		return refuse("the configuration is outside of the repository, at %q", in.Source.ConfigPath)
	}
	for _, s := range in.Subjects {
		if s.Name == "" || len(s.Digest) == 0 || badDigest(s.Digest) != "" {
			return refuse("the image %q has no name, or no digest in hexadecimal", s.Name)
		}
	}
	for _, m := range slices.Concat(in.Files, baseMaterials(in.Bases)) {
		if m.URI == "" && len(m.Digest) == 0 || badDigest(m.Digest) != "" {
			return refuse("the material %q has neither URI nor digest, or the digest is not in hexadecimal", m.Name)
		}
	}
	for _, m := range in.Modules {
		if _, err := dirHash(m.Sum); err != nil {
			return refuse("the sum of module %s is none: %v", m.Path, err)
		}
	}
	return nil
}

// inside says whether a path leads to the root of a repository or below.
func inside(p string) bool {
	return p == "" || !path.IsAbs(p) && path.Clean(p) == p && p != "." && p != ".." && !strings.HasPrefix(p, "../")
}

func baseMaterials(bases []Base) []Material {
	var out []Material
	for _, b := range bases {
		out = append(out, b.Material)
	}
	return out
}

func parameters(in Input, source *Source, r *redaction) (external, error) {
	out := external{
		Package: in.Package, Name: in.Name, Platforms: append([]string{}, in.Platforms...),
		Go: goParameters{
			Tags: in.Go.Tags, Trimpath: in.Go.Trimpath, VCS: in.Go.VCS,
			Ldflags: r.flags("go.ldflags", in.Go.Ldflags),
			Gcflags: r.flags("go.gcflags", in.Go.Gcflags),
			Env:     r.env("go.env", in.Go.Env),
		},
	}
	if source != nil {
		out.Source = &sourceParameters{source.Repository, source.Ref, source.Path, source.ConfigPath}
	}
	for i, b := range in.Bases {
		out.Bases = append(out.Bases, baseParameters{b.Platform, r.base(fmt.Sprintf("bases[%d].ref", i), b)})
	}
	var err error
	if out.Config, err = r.config("config", in.Config); err != nil {
		return external{}, &InputError{err.Error()}
	}
	slices.SortFunc(r.omitted, func(a, b omission) int { return cmp.Or(cmp.Compare(a.What, b.What), cmp.Compare(a.Why, b.Why)) })
	out.Omitted = slices.Compact(r.omitted)
	return out, nil
}

// dependencies lists the source, the bases, the files and the modules.
func dependencies(in Input, source *Source, r *redaction) []descriptor {
	out := []descriptor{}
	if source != nil {
		out = append(out, descriptor{
			URI: gitURI(*source), Digest: map[string]string{"gitCommit": source.Commit},
			Annotations: &annotations{Kind: kindSource, Modified: source.Dirty},
		})
	}
	for _, b := range in.Bases {
		out = append(out, b.Material.descriptor(annotations{Kind: kindBase, Platform: b.Platform}))
	}
	files := slices.SortedFunc(slices.Values(in.Files), func(a, b Material) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.URI, b.URI), cmp.Compare(a.Digest["sha256"], b.Digest["sha256"]))
	})
	for _, f := range files {
		out = append(out, f.descriptor(annotations{Kind: kindFile}))
	}
	modules := slices.SortedFunc(slices.Values(in.Modules), func(a, b Module) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Version, b.Version))
	})
	for _, m := range modules {
		out = append(out, m.descriptor(r))
	}
	return out
}

func (m Material) descriptor(a annotations) descriptor {
	return descriptor{Name: m.Name, URI: withoutUser(m.URI), Digest: m.Digest, Annotations: &a}
}

// descriptor says of a module what was compiled: the URI and the sum are those of the
// replacement where there is one. The sum is of the module's files by their names, and
// so in-toto's "dirHash".
func (m Module) descriptor(r *redaction) descriptor {
	a := &annotations{Kind: kindModule, Version: m.Version, H1: m.Sum}
	if by := m.ReplacedBy; by != nil {
		a.ReplacedBy = &replacement{by.Path, by.Version}
		if by.Version == "" && !r.tells(r.moduleDir, by.Path) {
			a.ReplacedBy.Path = ""
			r.omit("modules."+m.Path+".replacedBy", pathOfMachine)
		}
	}
	d := descriptor{Name: m.Path, URI: m.uri(), Annotations: a}
	if sum, _ := dirHash(m.Sum); sum != "" {
		d.Digest = map[string]string{"dirHash": sum}
	}
	return d
}

// uri names what was compiled. A directory has no version, whatever is required.
func (m Module) uri() string {
	switch by := m.ReplacedBy; {
	case by == nil:
		return moduleURI(m.Path, m.Version)
	case by.Version == "":
		return moduleURI(m.Path, "")
	default:
		return moduleURI(by.Path, by.Version)
	}
}

func details(in Input) runDetails {
	out := runDetails{Builder: builderDetails{ID: cmp.Or(in.Builder.ID, LocalBuilder)}}
	m := metadata{InvocationID: in.Builder.Invocation}
	if !in.Started.IsZero() {
		m.StartedOn = in.Started.UTC().Format(time.RFC3339)
	}
	if !in.Finished.IsZero() {
		m.FinishedOn = in.Finished.UTC().Format(time.RFC3339)
	}
	if m != (metadata{}) {
		out.Metadata = &m
	}
	return out
}

// encode writes the document, after a last look at all that it says.
func encode(doc document) ([]byte, error) {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(doc); err != nil {
		return nil, &InputError{err.Error()}
	}
	raw := bytes.TrimSuffix(out.Bytes(), []byte("\n"))
	if lossy(raw) {
		return nil, &InputError{"there is a text in it that is not in UTF-8"}
	}
	var all any
	if err := json.Unmarshal(raw, &all); err != nil {
		return nil, err
	}
	if err := anySecret("", all); err != nil {
		return nil, err
	}
	return raw, nil
}

// lossy says whether encoding/json wrote something else in the place of bytes that are
// no UTF-8, for which it has an escape that it uses for nothing else.
func lossy(raw []byte) bool {
	for i := 0; i < len(raw); i++ {
		if raw[i] != '\\' {
			continue
		}
		if bytes.HasPrefix(raw[i:], []byte(`\ufffd`)) {
			return true
		}
		i++ // what is escaped may be another backslash
	}
	return false
}
