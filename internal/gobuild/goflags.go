package gobuild

import (
	"slices"
	"strconv"
	"strings"

	"github.com/imgo-build/imgo/internal/goflag"
)

// goflags is the user's GOFLAGS, with the flags taken out that imgo gives on the
// command line, where they would replace those of GOFLAGS.
type goflags struct {
	ldflags    []string
	gcflags    []string
	tags       []string
	noTrimpath bool     // -trimpath=false
	rest       []string // all others, for the GOFLAGS of the child
}

// parseGoflags parses a value of GOFLAGS. What it doesn't understand stays in rest,
// so that the go command says what is wrong in its own words.
func parseGoflags(value string) (goflags, error) {
	var g goflags
	fields, err := goflag.Split(value)
	if err != nil {
		return g, &FlagError{Flag: "GOFLAGS", Reason: err.Error()}
	}
	for _, field := range fields {
		name, value, hasValue := strings.Cut(field, "=")
		flag, ok := strings.CutPrefix(name, "-")
		if !ok {
			g.rest = append(g.rest, field)
			continue
		}
		switch strings.TrimPrefix(flag, "-") {
		case "ldflags":
			g.ldflags = append(g.ldflags, value)
		case "gcflags":
			g.gcflags = append(g.gcflags, value)
		case "tags":
			g.tags = append(g.tags, value)
		case "trimpath":
			on, err := strconv.ParseBool(value)
			g.noTrimpath = hasValue && err == nil && !on
			g.rest = append(g.rest, field)
			continue
		case "buildmode":
			if !slices.Contains([]string{"default", "exe", "pie"}, value) {
				return g, &BuildModeError{Mode: value}
			}
			g.rest = append(g.rest, field)
			continue
		case "n":
			return g, &FlagError{Flag: "GOFLAGS", Reason: "-n keeps the go command from building anything"}
		default:
			g.rest = append(g.rest, field)
			continue
		}
		if !hasValue {
			return g, &FlagError{Flag: "GOFLAGS", Reason: name + " needs a value"}
		}
	}
	return g, nil
}

// pkgFlag is one value of -ldflags or -gcflags: flags for the packages that a
// pattern matches, or for those named on the command line where it is empty.
type pkgFlag struct {
	pattern, value string
}

// parsePkgFlags reads the values of a flag, leaving out empty ones.
func parsePkgFlags(flag string, values []string) ([]pkgFlag, error) {
	parsed := make([]pkgFlag, 0, len(values))
	for _, v := range values {
		if strings.TrimSpace(v) == "" {
			continue
		}
		pattern, value, ok := goflag.SplitPattern(v)
		if !ok {
			return nil, &FlagError{Flag: flag, Reason: "a value starts with \"-\" or has the form PATTERN=FLAGS"}
		}
		if _, err := goflag.Split(value); err != nil {
			return nil, &FlagError{Flag: flag, Reason: err.Error()}
		}
		parsed = append(parsed, pkgFlag{pattern, value})
	}
	return parsed, nil
}

// mergeLdflags makes of all values, in order of rising precedence, those to give to
// the go command, which for each package takes the last that matches and forgets the
// others. What has a pattern therefore repeats what has none, in the original order:
// "all=-X main.v=1" adds to the defaults instead of undoing them, and a later
// "-X main.v=2" still wins. Only the main packages of the command line are linked,
// so nothing reaches a package that it isn't meant for.
func mergeLdflags(flags []pkgFlag) []string {
	merged := []string{joinValues(flags, "", "")}
	for _, pattern := range patternsByLastUse(flags) {
		if pattern != "" {
			merged = append(merged, pattern+"="+joinValues(flags, "", pattern))
		}
	}
	return merged
}

// mergeGcflags does the same for the compiler, which works on dependencies too:
// flags without a pattern are not for these and can't be repeated. Values of one
// pattern add up; where several match a package, the last one given counts, as it
// does for the go command.
func mergeGcflags(flags []pkgFlag) []string {
	var merged []string
	for _, pattern := range patternsByLastUse(flags) {
		value := joinValues(flags, pattern, pattern)
		if pattern != "" {
			value = pattern + "=" + value
		}
		merged = append(merged, value)
	}
	return merged
}

// patternsByLastUse lists the patterns of flags once each, ordered by where they
// are used last.
func patternsByLastUse(flags []pkgFlag) []string {
	var patterns []string
	for _, f := range slices.Backward(flags) {
		if !slices.Contains(patterns, f.pattern) {
			patterns = append(patterns, f.pattern)
		}
	}
	slices.Reverse(patterns)
	return patterns
}

// joinValues joins the values of two patterns, in order.
func joinValues(flags []pkgFlag, pattern, other string) string {
	var values []string
	for _, f := range flags {
		if f.pattern == pattern || f.pattern == other {
			values = append(values, f.value)
		}
	}
	return strings.Join(values, " ")
}

// mergeTags is the union of tag lists, which may be separated by commas or blanks,
// in order of appearance.
func mergeTags(lists ...string) []string {
	var tags []string
	for _, list := range lists {
		for _, tag := range goflag.SplitTags(list) {
			if !slices.Contains(tags, tag) {
				tags = append(tags, tag)
			}
		}
	}
	return tags
}
