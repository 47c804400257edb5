package provenance

import (
	"cmp"
	"iter"
	"slices"
	"strings"

	"github.com/imgo-build/imgo/internal/goflag"
	"github.com/imgo-build/imgo/internal/secrets"
)

// flags returns flags for a tool of Go's, or none where one of them holds a secret:
// the rest would not repeat the build.
func (r *redaction) flags(what string, list []string) []string {
	for _, value := range list {
		if why := cmp.Or(inFlags(value), pathInFlags(value)); why != "" {
			r.omit(what, why)
			return nil
		}
	}
	return list
}

// inFlags is the kind of secret in a list of flags. What "-X" sets is held against
// the name of the variable too.
func inFlags(value string) string {
	if f, found := secrets.InValue("", value); found {
		return f.Rule
	}
	for name, v := range flagsIn(value) {
		if name != "X" {
			continue
		}
		variable, v, _ := strings.Cut(v, "=")
		if rule := byName(variable, v); rule != "" {
			return rule
		}
	}
	return ""
}

// flagsIn are the flags of a value of -ldflags or -gcflags, and what follows each: behind
// its "=", or the next word, which need not belong to it.
func flagsIn(value string) iter.Seq2[string, string] {
	return func(yield func(name, value string) bool) {
		_, value, _ = goflag.SplitPattern(value)
		words, err := goflag.Split(value)
		if err != nil {
			return // the go command refuses it as well
		}
		for i, word := range words {
			name, ok := strings.CutPrefix(word, "-")
			if !ok {
				continue
			}
			name, v, hasValue := strings.Cut(strings.TrimPrefix(name, "-"), "=") // --X is -X
			if !hasValue && i+1 < len(words) {
				v = words[i+1]
			}
			if !yield(name, v) {
				return
			}
		}
	}
}

// placing are flags of the linker and the compiler whose values are places on the machine,
// while those of others, such as -r, may be places in the image.
var placing = []string{
	"L", "extar", "extld", "extldflags", "libgcc", "tmpdir", "o", "asmhdr", "embedcfg", "importcfg", "symabis", "trimpath", "pgoprofile",
	"blockprofile", "cpuprofile", "memprofile", "mutexprofile", "traceprofile",
}

// pathInFlags says whether a list of flags names a place on the machine.
func pathInFlags(value string) string {
	for name, v := range flagsIn(value) {
		if slices.Contains(placing, name) && hasPath(v) {
			return pathOfMachine
		}
	}
	return ""
}

// hasPath says whether one of the words in s is, or ends in, a place on the machine.
func hasPath(s string) bool {
	words, err := goflag.Split(s)
	if err != nil {
		words = strings.Fields(s)
	}
	return slices.ContainsFunc(words, func(word string) bool {
		for _, prefix := range []string{"-L", "-I", "-B"} { // of C compilers
			word = strings.TrimPrefix(word, prefix)
		}
		_, v, _ := strings.Cut(word, "=")
		return isLocalPath(word) || isLocalPath(v)
	})
}

// inVariable is why a variable of the go command's can't be told. GOFLAGS holds flags that
// hold flags.
func inVariable(name, value string) string {
	rule := inFlags(value)
	words, err := goflag.Split(value)
	if name != "GOFLAGS" || err != nil {
		return rule
	}
	for _, word := range words {
		flag, nested, _ := strings.Cut(strings.TrimLeft(word, "-"), "=")
		switch flag {
		case "ldflags", "gcflags":
			rule = cmp.Or(rule, inFlags(nested), pathInFlags(nested))
		default:
			if hasPath(nested) { // -overlay, -modfile, -pgo, -toolexec
				rule = cmp.Or(rule, pathOfMachine)
			}
		}
	}
	return rule
}
