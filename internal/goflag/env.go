package goflag

import (
	"strings"
	"unicode"

	"github.com/imgo-build/imgo/internal/pattern"
)

// CheckTags checks a list of build tags, separated by commas or blanks: each has
// letters, digits, "_" and "." only. The error is an [*Error].
func CheckTags(value string) error { return checkTags("buildTags", value) }

func checkTags(setting, value string) error {
	for _, tag := range SplitTags(value) {
		for _, r := range tag {
			if r == unicode.ReplacementChar || !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '_' && r != '.' {
				return &Error{Setting: setting, Reason: `a build tag has letters, digits, "_" and "." only`}
			}
		}
	}
	return nil
}

// goFlags are the flags of the go command that GOFLAGS of a file may have, apart
// from those that hold flags themselves.
func goFlags() map[string]rule {
	return map[string]rule{
		"trimpath":  {true, true, isBool},
		"race":      {true, true, isBool},
		"cover":     {true, true, isBool},
		"v":         {true, true, isBool},
		"covermode": {false, false, oneOf("set", "count", "atomic")},
		"mod":       {false, false, oneOf("readonly", "vendor", "mod")},
		"buildmode": {false, false, oneOf("default", "exe", "pie")},
		"pgo":       {false, false, oneOf("auto", "off")},
		"buildvcs":  {false, false, oneOf("false")},
	}
}

// whyNoGoFlag says more of some flags that GOFLAGS of a file may not have.
func whyNoGoFlag() map[string]string {
	return map[string]string{
		"toolexec":   namesProgram,
		"exec":       namesProgram,
		"overlay":    "it swaps files for others",
		"modfile":    "it makes the go command read and write another go.mod",
		"modcacherw": "it changes the module cache",
		"pkgdir":     "it makes the go command read and write files elsewhere",
		"o":          "it makes the go command write files elsewhere",
		"C":          "it makes the go command work elsewhere",
		"insecure":   changesTrust,
		"asmflags":   "flags of the assembler can write files",
		"gccgoflags": "flags of the C compiler can name programs and files",
		"compiler":   "images are built with the gc compiler",
	}
}

// checkGoflags checks a value of GOFLAGS.
func checkGoflags(value string) error {
	const setting = "GOFLAGS"
	words, err := Split(value)
	if err != nil {
		return &Error{Setting: setting, Reason: err.Error()}
	}
	for _, word := range words {
		if bad := badWord(word); bad != "" {
			return &Error{Setting: setting, Reason: bad}
		}
		name, value, hasValue, ok := cutFlag(word)
		if !ok {
			return &Error{Setting: setting, Reason: "a word is no flag; a value follows its flag after \"=\", and both stand in quotes if it has blanks"}
		}
		if err := checkGoFlag(setting, name, value, hasValue); err != nil {
			return err
		}
	}
	return nil
}

func checkGoFlag(setting, name, value string, hasValue bool) error {
	refuse := func(reason string) error {
		return &Error{Setting: setting, Flag: "-" + show(name), Reason: reason}
	}
	nested := map[string]func(setting, value string) error{"ldflags": linker().check, "gcflags": compiler().check, "tags": checkTags}[name]
	rule, known := goFlags()[name]
	switch {
	case nested == nil && !known:
		if why := whyNoGoFlag()[name]; why != "" {
			return refuse(why)
		}
		return refuse(unknown)
	case !hasValue && rule.optional:
		return nil
	case !hasValue:
		return &Error{Setting: setting, Reason: "-" + name + ` needs a value after "="`}
	case nested != nil:
		return nested("-"+name+" in "+setting, value)
	}
	if reason := rule.check(value); reason != "" {
		return rule.refuse(setting, name, reason)
	}
	return nil
}

const (
	changesTrust  = "where modules come from and how they are checked is for the user to say"
	platformSets  = "the platform decides it"
	compilerFlags = "C compilers and their flags can run programs"
	movesThings   = "it says where the go command finds and keeps things"
)

// variables are those that a file may set.
func variables() map[string]check {
	return map[string]check{
		"CGO_ENABLED":  oneOf("0", "1"),
		"GO111MODULE":  oneOf("on"),
		"GOWORK":       oneOf("off"),
		"GOEXPERIMENT": matches(`([a-z0-9]+(,[a-z0-9]+)*)?`, "it takes names of experiments, separated by commas"),
		"GOFIPS140":    matches(`off|latest|inprocess|certified|v[0-9]+\.[0-9]+\.[0-9]+`, "it takes off, latest, inprocess, certified or a version"),
		// A version by name could be an old one, with holes that are known by now.
		"GOTOOLCHAIN": oneOf("local", "auto"),
		// What no platform says.
		"GO386":    oneOf("sse2", "softfloat"),
		"GOMIPS":   oneOf("hardfloat", "softfloat"),
		"GOMIPS64": oneOf("hardfloat", "softfloat"),
	}
}

// whyNoVariable says more of some that it may not.
func whyNoVariable() map[string]string {
	return map[string]string{
		"GOOS": platformSets, "GOARCH": platformSets, "GOAMD64": platformSets, "GOARM": platformSets, "GOARM64": platformSets,
		"GOPPC64": platformSets, "GORISCV64": platformSets,

		"GOPROXY": changesTrust, "GOPRIVATE": changesTrust, "GONOPROXY": changesTrust, "GONOSUMDB": changesTrust, "GONOSUMCHECK": changesTrust,
		"GOSUMDB": changesTrust, "GOINSECURE": changesTrust, "GOVCS": changesTrust, "GOAUTH": changesTrust,

		"CC": compilerFlags, "CXX": compilerFlags, "FC": compilerFlags, "AR": compilerFlags, "GCCGO": compilerFlags,
		"CC_FOR_TARGET": compilerFlags, "CXX_FOR_TARGET": compilerFlags, "PKG_CONFIG": compilerFlags, "PKG_CONFIG_PATH": compilerFlags,

		"GOCACHEPROG": namesProgram, "GOPACKAGESDRIVER": namesProgram, "LD_PRELOAD": namesProgram, "PATH": namesProgram,

		"GOROOT": movesThings, "GOTOOLDIR": movesThings, "GOENV": movesThings, "GOPATH": movesThings, "GOBIN": movesThings, "GOCACHE": movesThings,
		"GOMODCACHE": movesThings, "GOTMPDIR": movesThings, "HOME": movesThings, "TMPDIR": movesThings,

		"GODEBUG": "it changes the go command itself, such as which programs it runs and which certificates it trusts; " +
			"for the image, set it as a //go:debug line, in go.mod or in env",
	}
}

// CheckEnv checks a variable for the go command's environment. GOFLAGS is allowed as
// far as its flags are; what a file can't say of modules passes through from the
// user's environment. The error is an [*Error].
func CheckEnv(key, value string) error {
	if key == "GOFLAGS" {
		return checkGoflags(value)
	}
	allowed, known := variables()[key]
	reason := whyNoVariable()[key]
	switch {
	case known:
		reason = allowed(value)
	case reason != "":
	case strings.HasPrefix(key, "CGO_"):
		reason = compilerFlags
	case strings.HasPrefix(key, "GIT_"):
		reason = "git can be made to run programs"
	default:
		reason = unknown
	}
	if reason == "" {
		return nil
	}
	return &Error{Setting: "buildEnv", Flag: show(key), Reason: reason}
}

func matches(form, reason string) check {
	re := pattern.New(`\A(?:` + form + `)\z`)
	return func(value string) string {
		if !re.MatchString(value) {
			return reason
		}
		return ""
	}
}
