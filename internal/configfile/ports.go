package configfile

import (
	"fmt"
	"strconv"
	"strings"
)

// mostPorts is how many ports a range, and all of them together, may have.
const mostPorts = 1000

// portNumber is 1 to 65535.
const portNumber = `([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])`

var port = scalar{
	want: "a port", example: "8080 or 53/udp",
	accept: integer, bounds: schema{"minimum": 1, "maximum": 65535},
	refuse: []refusal{
		{`:`, "only the container's own port is declared, an address or a port of the host is not", "write the port alone, such as 8080, and publish it where the container is run"},
	},
	pattern: "^" + portNumber + "(-" + portNumber + ")?(/(tcp|udp|sctp))?$",
	suggest: func(s string) string { return strings.ToLower(strings.ReplaceAll(s, " ", "")) },
	check:   checkPorts,
	canon: func(s string) string {
		if !strings.Contains(s, "/") {
			s += "/tcp"
		}
		return s
	},
}

func checkPorts(s string) (reason, hint string) {
	first, last, _ := portRange(s)
	switch {
	case last < first:
		return fmt.Sprintf("the range ends at %d, before its beginning at %d", last, first), fmt.Sprintf("did you mean \"%d-%d\"?", last, first)
	case last-first >= mostPorts:
		return fmt.Sprintf("the range has %d ports, and at most %d can be declared at once", last-first+1, mostPorts), "write a smaller range"
	}
	return "", ""
}

// portRange takes apart text that matches the pattern.
func portRange(s string) (first, last int, protocol string) {
	ports, protocol, _ := strings.Cut(s, "/")
	from, to, isRange := strings.Cut(ports, "-")
	if !isRange {
		to = from
	}
	first, _ = strconv.Atoi(from)
	last, _ = strconv.Atoi(to)
	return first, last, protocol
}

var portList = listing{
	want: "a port or a list of ports", item: port, one: &port, unique: true, most: mostPorts,
	expand: func(s string) []string {
		first, last, protocol := portRange(s)
		var out []string
		for p := first; p <= last; p++ {
			out = append(out, fmt.Sprintf("%d/%s", p, protocol))
		}
		return out
	},
}
