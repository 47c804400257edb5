package configfile

import (
	"path"
	"strconv"
	"strings"
	"time"
)

// segment is a part of a clean path: not empty, not ".", not "..".
const segment = `/([^/.\x00-\x1f\x7f][^/\x00-\x1f\x7f]*|\.[^/.\x00-\x1f\x7f][^/\x00-\x1f\x7f]*|\.\.[^/\x00-\x1f\x7f]+)`

// anyText is text for a process: its environment and arguments. It could be a secret.
var anyText = scalar{
	want: "a string", example: `"text"`, accept: integer | float | boolean, refuse: []refusal{noNUL}, quoteless: true,
}

// plainString is any text that isn't empty.
var plainString = scalar{
	want: "a string", example: `"text"`, quoteless: true,
	refuse: []refusal{noNUL, {`^$`, "it is empty", ""}},
}

// noNUL keeps out what no process can be given.
var noNUL = refusal{`\x00`, "it has a NUL character, which ends a text for a process", ""}

var mainPackage = scalar{
	want: "a package", example: "./cmd/server",
	refuse: []refusal{
		{`\.\.\.`, "a pattern can name several packages", "an image has one main package; list each of them as an image of its own"},
		{`\.go$`, "this is a source file, not a package", "name the folder that it is in"},
		{`@`, "a package has no version here", "the module's go.mod decides which version is built"},
		{`^(/|[A-Za-z]:)`, "an absolute path exists on one machine only", "write it relative to the folder of this file: ./cmd/server"},
		{`\\`, "a package is written with slashes", "for example ./cmd/server"},
	},
	pattern: `^[^\x00-\x20\x7f-][^\x00-\x20\x7f]*$`,
}

var variable = scalar{
	want: "a variable's name", form: "it has no blank and no '='", example: "LOG_LEVEL", pattern: `^[^=\x00-\x20\x7f]+$`, quoteless: true,
}

var buildVariable = scalar{
	want: "a variable's name", form: "use letters, digits and '_'", example: "GOAMD64", pattern: `^[A-Za-z_][A-Za-z0-9_]*$`, quoteless: true,
}

var labelKey = scalar{
	want: "a key", form: "it has no line breaks or control characters", example: "org.opencontainers.image.vendor", pattern: `^[^\x00-\x1f\x7f]+$`,
}

var userName = scalar{
	want: "a user", form: "write UID, UID:GID, or a name as in /etc/passwd", example: `"65534:65534"`, accept: integer,
	bounds: schema{"minimum": 0, "maximum": largestID}, pattern: `^([0-9]+(:[0-9]+)?|` + account + `(:` + account + `)?)$`,
	suggest: lower, check: checkIDs,
}

var fileOwner = scalar{
	want: "an owner in numbers: write UID or UID:GID", example: `"65534:65534"`, accept: integer,
	bounds: schema{"minimum": 0, "maximum": largestID}, pattern: `^[0-9]+(:[0-9]+)?$`, check: checkIDs,
}

const (
	account   = `[a-z_][a-z0-9_.-]*`
	largestID = 1<<32 - 2
)

func checkIDs(s string) (reason, hint string) {
	for id := range strings.SplitSeq(s, ":") {
		if !matches(`^[0-9]`, id) {
			continue
		}
		if n, err := strconv.ParseUint(id, 10, 64); err != nil || n > largestID {
			return shorten(id) + " is not an id: ids go from 0 to " + strconv.FormatInt(largestID, 10), ""
		}
	}
	return "", ""
}

var accountName = scalar{want: "a name as in /etc/passwd", example: "app", pattern: "^" + account + "$", suggest: lower}

// number is an integer in decimal.
func number(want, example string, least, most int64) kind[Value[int64]] {
	inRange := func(s string) bool {
		n, err := strconv.ParseInt(s, 10, 64)
		return err == nil && matches(`^[0-9]+$`, s) && n >= least && n <= most
	}
	return kind[Value[int64]]{
		want: want,
		decode: func(d *decoder, n *node, at string) (Value[int64], bool) {
			if n.kind != integer {
				hint := ""
				if n.kind == text && inRange(n.text) {
					hint = "write it without quotes: " + n.text
				}
				d.mismatch(n, at, want, hint)
				return Value[int64]{}, false
			}
			if !inRange(n.text) {
				d.fail(n.pos, at, shorten(n.text)+" is not "+want, "for example "+example)
				return Value[int64]{}, false
			}
			v, _ := strconv.ParseInt(n.text, 10, 64)
			return Value[int64]{V: v, Pos: n.pos}, true
		},
		schema: func() schema { return schema{"type": "integer", "minimum": least, "maximum": most} },
	}
}

// truth is true or false.
func truth() kind[Value[bool]] {
	const want = "true or false"
	return kind[Value[bool]]{
		want: want,
		decode: func(d *decoder, n *node, at string) (Value[bool], bool) {
			if n.kind != boolean {
				hint := ""
				switch strings.ToLower(n.text) {
				case "yes", "on", "true", "1", "y":
					hint = "write true"
				case "no", "off", "false", "0", "n":
					hint = "write false"
				}
				d.mismatch(n, at, want, hint)
				return Value[bool]{}, false
			}
			return Value[bool]{V: strings.EqualFold(n.text, "true"), Pos: n.pos}, true
		},
		schema: func() schema { return schema{"type": "boolean"} },
	}
}

// absolute is a clean absolute path in the image, other than / itself.
func absolute(example string) scalar {
	return scalar{want: "a clean absolute path", example: example, pattern: "^(" + segment + ")+$", suggest: cleaned}
}

// volumePath is a directory, not docker's HOST:CONTAINER.
func volumePath(example string) scalar {
	c := absolute(example)
	c.refuse = []refusal{{`:`, "a volume is only a place in the container, what is mounted there is decided where it is run", "for example " + example}}
	return c
}

// folder may be / too.
func folder(example string) scalar {
	c := absolute(example)
	c.pattern = "^(/|(" + segment + ")+)$"
	return c
}

// destination may end with a slash.
func destination(example string) scalar {
	c := absolute(example)
	c.pattern = "^(/|(" + segment + ")+/?)$"
	return c
}

func cleaned(s string) string { return path.Clean("/" + s) }

// duration is a time in Go's notation. Docker takes nothing shorter than a millisecond,
// but for zero where that means none.
func duration(zero bool) kind[Value[time.Duration]] {
	c := scalar{
		want: "a duration with its unit", example: "30s or 1m30s",
		pattern: `^(([0-9]+(\.[0-9]+)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+$`,
		check: func(s string) (string, string) {
			switch v, err := time.ParseDuration(s); {
			case err != nil:
				return quote(s) + " is not a duration: it is too long", "for example 30s"
			case v == 0 && !zero || v != 0 && v < time.Millisecond:
				return "it is shorter than a millisecond, the least that an engine takes", "for example 30s"
			}
			return "", ""
		},
		instead: func(n *node) string {
			if n.kind&(integer|float) != 0 && matches(`^[0-9.]+$`, n.text) {
				return "say the unit: " + shorten(n.text) + "s"
			}
			return "for example 30s"
		},
		suggest: func(s string) string {
			if matches(`^[0-9]+$`, s) {
				return s + "s"
			}
			return strings.ToLower(strings.ReplaceAll(s, " ", ""))
		},
	}
	return scalarOf(c, func(s string) time.Duration {
		v, _ := time.ParseDuration(s)
		return v
	})
}

// fileMode is permissions. As YAML 1.1 has it, 0644 is octal and 644 is not, which is
// told apart by the text alone.
const modePattern = `^(0o|0)?[0-7]{3,4}$`

func fileMode() kind[Value[uint32]] {
	const want = "permissions in octal"
	c := scalar{
		want: want, example: `"0644"`, pattern: modePattern, accept: integer,
		bounds: schema{"minimum": 0, "maximum": 7777},
	}
	k := scalarOf(c, func(s string) uint32 {
		v, _ := strconv.ParseUint(strings.TrimPrefix(s, "0o"), 8, 32)
		return uint32(v)
	})
	decode := k.decode
	k.decode = func(d *decoder, n *node, at string) (Value[uint32], bool) {
		if n.kind == integer && matches(c.pattern, n.text) && !strings.HasPrefix(n.text, "0") {
			d.fail(n.pos, at, "an unquoted number is decimal to some and octal to others", `write "0`+n.text+`"`)
			return Value[uint32]{}, false
		}
		return decode(d, n, at)
	}
	return k
}
