package build

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/imgo-build/imgo/internal/pattern"
	"github.com/imgo-build/imgo/pkg/image"
)

// LocalPrefix is the repository prefix of images that were given no name.
const LocalPrefix = "imgo.local"

// Naming says how images are called.
type Naming struct {
	Prefix string // each image goes to Prefix/NAME; empty where none was given
	Tags   []TagArg
}

// TagArg is one -t: REPO, REPO:TAG or :TAG.
type TagArg struct {
	Repo string // empty for :TAG
	Tag  string // empty for REPO
	word string // what was typed, where it is a single word
	// template is all that was typed where it holds a template, which each target
	// has its own values for.
	template string
}

// The grammar of names and tags. The reference parser underneath checks the characters
// only.
var (
	tagGrammar  = pattern.New("^" + image.TagGrammar + "$")
	pathGrammar = pattern.New("^" + image.PathComponent + "(/" + image.PathComponent + ")*$")
)

// scheme is what a URL begins with, pinned the digest that a reference ends with.
var (
	scheme = pattern.New(`^[a-z][a-z0-9+.-]*://`)
	pinned = pattern.New(`@sha[0-9]+:[^@]*$`)
)

// Credentials finds a USER:PASSWORD in front of the host of a name, where it doesn't
// belong. It returns the name without it, fit for a message, and the host.
func Credentials(arg string) (redacted, host string, found bool) {
	if !strings.Contains(arg, "@") {
		return arg, "", false
	}
	rest := arg[len(scheme.FindString(arg)):]
	at := strings.LastIndex(pinned.ReplaceAllString(rest, ""), "@")
	if at < 0 {
		return arg, "", false
	}
	// A colon after a slash belongs to a tag.
	if end := strings.IndexAny(rest[:at], ":/"); end <= 0 || rest[end] != ':' {
		return arg, "", false
	}
	host, _, _ = strings.Cut(rest[at+1:], "/")
	return "***" + rest[at:], host, true
}

func checkCredentials(flag, arg string) error {
	if redacted, host, found := Credentials(arg); found {
		return usagef("%s %q: a name holds no password: log in with imgo login %s, and leave out the part before '@'", flag, redacted, host)
	}
	return nil
}

// Templates are the names that hold a template.
func (n Naming) Templates() []string {
	var out []string
	for _, t := range n.Tags {
		if t.template != "" {
			out = append(out, t.template)
		}
	}
	return out
}

// ParseTagArg checks one -t value. What holds a template is checked once it is
// expanded.
func ParseTagArg(arg string) (TagArg, error) {
	if strings.Contains(arg, "{{") {
		return TagArg{template: arg}, nil
	}
	if err := checkCredentials("-t", arg); err != nil {
		return TagArg{}, err
	}
	if tag, ok := strings.CutPrefix(arg, ":"); ok {
		return TagArg{Tag: tag}, checkTag(arg, tag)
	}
	if strings.Contains(arg, "@") {
		return TagArg{}, usagef("-t %q: an image's digest comes from its content and can't be chosen: leave out the part from '@' on", arg)
	}
	repo, tag := arg, ""
	if colon := strings.LastIndex(arg, ":"); colon > strings.LastIndex(arg, "/") {
		repo, tag = arg[:colon], arg[colon+1:]
		if err := checkTag(arg, tag); err != nil {
			return TagArg{}, err
		}
	}
	parsed, err := parseRepository(repo)
	if err != nil {
		return TagArg{}, usagef("-t %q: %s", arg, err)
	}
	t := TagArg{Repo: parsed.Name(), Tag: tag}
	if !strings.ContainsAny(arg, "/:") {
		t.word = arg
	}
	return t, nil
}

func checkTag(arg, tag string) error {
	if len(tag) > image.LongestTag || !tagGrammar.MatchString(tag) {
		return usagef("-t %q: %q is not a tag: use up to 128 letters, digits, '_', '.' and '-', not beginning with '.' or '-'", arg, tag)
	}
	return nil
}

// ParsePrefix checks a --repo value and returns it without a closing slash.
func ParsePrefix(arg string) (string, error) {
	if err := checkCredentials("--repo", arg); err != nil {
		return "", err
	}
	prefix := strings.TrimSuffix(arg, "/")
	if _, err := parseRepository(prefix + "/x"); err != nil {
		return "", usagef("--repo %q: %s", arg, err)
	}
	return prefix, nil
}

// parseRepository reads HOST/PATH. Its errors say how a repository is written.
func parseRepository(s string) (name.Repository, error) {
	if strings.Contains(s, "://") {
		return name.Repository{}, fmt.Errorf("a repository is named without a scheme: leave out the part before '//'")
	}
	repo, err := name.NewRepository(s)
	if err == nil && pathGrammar.MatchString(repo.RepositoryStr()) {
		return repo, nil
	}
	if lower := strings.ToLower(s); lower != s {
		if _, err := parseRepository(lower); err == nil {
			return name.Repository{}, fmt.Errorf("repositories are written in lower case: %s", lower)
		}
	}
	return name.Repository{}, fmt.Errorf("write HOST/PATH[:TAG], such as ghcr.io/acme/server:v1")
}

// assign gives every target its repositories and tags.
func (n Naming) assign(targets []Target, push bool) error {
	seen := map[string]*Target{}
	tagged := map[name.Tag]*Target{}
	for i := range targets {
		t := &targets[i]
		if t.Err() != nil {
			continue // it may not even have a name
		}
		own, err := n.expand(t)
		if err != nil {
			return err
		}
		if err := own.checkMeaning(t, targets, push); err != nil {
			return err
		}
		key := strings.ToLower(t.Name)
		if other, dup := seen[key]; dup {
			return usagef("%s and %s would both be named %q: build them one at a time, each with its own -t and -o",
				other.origin(), t.origin(), key)
		}
		seen[key] = t
		if t.Repos, err = own.destinations(*t); err != nil {
			return err
		}
		for _, d := range t.Repos {
			for _, tag := range d.Tags {
				if other, dup := tagged[tag]; dup {
					return usagef("%s and %s would both be named %s: give one of them another repository or tag", other.Name, t.Name, tag)
				}
				tagged[tag] = t
			}
		}
	}
	return nil
}

// checkMeaning refuses names that can't be meant for these targets.
func (n Naming) checkMeaning(t *Target, targets []Target, push bool) error {
	full := slices.IndexFunc(n.Tags, func(t TagArg) bool { return t.Repo != "" })
	// With a prefix a single word is far more likely a tag than a repository of Docker Hub.
	word := slices.IndexFunc(n.Tags, func(t TagArg) bool { return t.word != "" })
	switch {
	case n.Prefix != "" && word >= 0:
		w := n.Tags[word].word
		return usagef("-t %s would name the repository docker.io/library/%s, not a tag of --repo %s: did you mean -t :%s?", w, w, n.Prefix, w)
	case full >= 0 && len(targets) > 1:
		return usagef("-t %s names one image, but there are %d (%s): use --repo PREFIX to put each at PREFIX/NAME, and -t :TAG to choose its tag",
			n.Tags[full].Repo, len(targets), names(targets))
	case push && full < 0 && n.Prefix == "" && t.Settings.Repository == "" && t.Settings.Prefix == "":
		return usagef("the push has nowhere to go: name a repository with -t REPO[:TAG], or give --repo PREFIX (or IMGO_REPO) to push each image to PREFIX/NAME")
	}
	return nil
}

// expand expands the templates of the command line for a target, and takes the tags
// of the configuration where the command line has none.
func (n Naming) expand(t *Target) (Naming, error) {
	out := Naming{Prefix: n.Prefix}
	x := t.expansion()
	for _, arg := range n.Tags {
		if arg.template != "" {
			text := x.text("-t "+arg.template, "", "tags", Text{Value: arg.template})
			err := errors.Join(x.errs...)
			if err == nil {
				arg, err = ParseTagArg(text)
			}
			if err != nil {
				return out, err
			}
		}
		out.Tags = append(out.Tags, arg)
	}
	if len(n.Tags) > 0 {
		return out, nil
	}
	for _, tag := range t.Settings.Tags {
		text := x.text("tag "+tag.Value, "", "tags", tag)
		if err := errors.Join(x.errs...); err != nil {
			return out, err
		}
		if err := checkTag(":"+text, text); err != nil {
			return out, &SettingError{Setting: "tag " + tag.Value, Where: tag.Where, Err: err}
		}
		out.Tags = append(out.Tags, TagArg{Tag: text})
	}
	return out, nil
}

// repoTags is one repository of the command line with its tags.
type repoTags struct {
	repo string
	tags []string
}

// split groups the -t values into repositories with their tags, and tags that go
// to every repository.
func (n Naming) split() (repos []repoTags, extra []string) {
	for _, t := range n.Tags {
		if t.Repo == "" {
			extra = append(extra, t.Tag)
			continue
		}
		tag := t.Tag
		if tag == "" {
			tag = name.DefaultTag
		}
		i := slices.IndexFunc(repos, func(r repoTags) bool { return r.repo == t.Repo })
		if i < 0 {
			repos = append(repos, repoTags{repo: t.Repo})
			i = len(repos) - 1
		}
		repos[i].tags = append(repos[i].tags, tag)
	}
	return repos, extra
}

func (n Naming) destinations(t Target) ([]Destination, error) {
	repos, extra := n.split()
	if len(repos) == 0 {
		r := repoTags{repo: n.repository(t)}
		if len(extra) == 0 {
			r.tags = []string{name.DefaultTag}
		}
		repos = []repoTags{r}
	}
	var out []Destination
	for _, r := range repos {
		repo, err := parseRepository(r.repo)
		if err != nil {
			return nil, usagef("%q can't be an image's name: name it with -t (%s)", t.Name, err)
		}
		d := Destination{Repo: repo}
		for _, tag := range slices.Concat(r.tags, extra) {
			if ref := repo.Tag(tag); !slices.Contains(d.Tags, ref) {
				d.Tags = append(d.Tags, ref)
			}
		}
		out = append(out, d)
	}
	return out, nil
}

// repository is where a target goes that no -t names: to the prefix of the command
// line, else to its own repository, else to the prefix of the configuration.
func (n Naming) repository(t Target) string {
	named := "/" + strings.ToLower(t.Name)
	switch {
	case n.Prefix != "":
		return n.Prefix + named
	case t.Settings.Repository != "":
		return t.Settings.Repository
	case t.Settings.Prefix != "":
		return t.Settings.Prefix + named
	}
	return LocalPrefix + named
}

// origin names a target in the user's terms.
func (t *Target) origin() string {
	if t.Origin != "" {
		return t.Origin
	}
	if t.Package.ImportPath == "" {
		return t.Package.Pattern
	}
	return t.Package.ImportPath
}

func names(targets []Target) string {
	var s []string
	for _, t := range targets {
		s = append(s, t.Name)
	}
	return strings.Join(s, ", ")
}
