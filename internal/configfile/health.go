package configfile

import (
	"net"
	"net/url"
	"strings"
)

// disabled is the healthcheck that takes away that of the base.
const disabled = "none"

// loopback is who is asked where the URL has no host.
const loopback = "127.0.0.1"

// healthURL is something to ask: over HTTP for a page, over TCP for an open port. A
// query belongs to the page; a password or a fragment belongs to nothing.
var healthURL = scalar{
	want: "a URL with http, https or tcp", example: "http://:8080/healthz", quoteless: true,
	refuse: []refusal{
		{`^[a-z]*://[^/]*@`, "the URL holds a password, which everybody who has the image could read", "leave out the part before '@'"},
		{`#`, "a fragment, the part from '#' on, is never sent", "leave it out"},
		{`^tcp://[^/]*/`, "a TCP check only opens a connection: it has no path", "for example tcp://:5432"},
		{`^tcp://[^/]*[^/0-9][^/0-9:]*$|^tcp://[^/:]*$`, "a TCP check needs a port", "for example tcp://:5432"},
	},
	pattern: `^(http|https|tcp)://([A-Za-z0-9.-]*|\[[0-9a-fA-F:]+\])(:` + portNumber + `)?([/?][^\x00-\x20\x7f]*)?$`,
	check: func(s string) (string, string) {
		if u, err := url.Parse(s); err != nil || u.Hostname() == "" && u.Port() == "" && u.Scheme == "tcp" {
			return "it is not a URL", "for example http://:8080/healthz"
		}
		return "", ""
	},
	suggest: func(s string) string {
		if strings.HasPrefix(s, ":") || strings.HasPrefix(s, "localhost") || strings.HasPrefix(s, loopback) {
			return "http://" + s
		}
		return ""
	},
	canon: func(s string) string {
		u, err := url.Parse(s)
		if err == nil && u.Hostname() == "" {
			u.Host = loopback
			if port := mustPort(s); port != "" {
				u.Host = net.JoinHostPort(loopback, port)
			}
		}
		return u.String()
	},
}

func mustPort(s string) string {
	u, err := url.Parse(s)
	if err != nil {
		return ""
	}
	return u.Port()
}

// healthText is a URL or none.
func healthText() scalar {
	c := healthURL
	c.want = "a URL with http, https or tcp, or none"
	c.pattern = "^" + disabled + "$|" + c.pattern
	url, canon := c.check, c.canon
	c.check = func(s string) (string, string) {
		if s == disabled {
			return "", ""
		}
		return url(s)
	}
	c.canon = func(s string) string {
		if s == disabled {
			return s
		}
		return canon(s)
	}
	return c
}

// healthTest is a command. Docker's list begins with its kind, which can be left out.
var healthTest = listing{
	want: "a list of strings", item: anyText, least: 1, hint: commandLine,
	check: func(l []string) (string, string) {
		switch l[0] {
		case "CMD-SHELL":
			return "CMD-SHELL needs a shell, which few images have", "write the command as a list, or name the shell: [CMD, /bin/sh, -c, …]"
		case "NONE":
			return "NONE is no command", "write healthcheck: none"
		case "CMD":
			if len(l) == 1 {
				return "the command is missing", "for example [CMD, /app/server, health]"
			}
		}
		return "", ""
	},
	extra: func(items schema) schema {
		items["not"] = schema{"anyOf": []schema{
			{"prefixItems": []schema{{"enum": []string{"CMD-SHELL", "NONE"}}}},
			{"prefixItems": []schema{{"const": "CMD"}}, "maxItems": 1},
		}}
		return items
	},
}

func healthcheckKind() kind[Value[Healthcheck]] {
	const want = "a URL, none, or a mapping with url or test"
	fromText := kind[Healthcheck]{
		decode: func(d *decoder, n *node, at string) (Healthcheck, bool) {
			s, ok := healthText().read(d, n, at, want)
			if s == disabled {
				return Healthcheck{Disabled: true}, ok
			}
			return Healthcheck{URL: s}, ok
		},
		schema: func() schema { return healthText().schema() },
	}
	return located(either(want, fromText, healthcheckObject().kind()))
}

func healthcheckObject() object[Healthcheck] {
	test := kind[[]string]{want: healthTest.want, schema: healthTest.schema, decode: func(d *decoder, n *node, at string) ([]string, bool) {
		l, ok := healthTest.decode(d, n, at)
		command := l.Strings()
		if ok && command[0] != "CMD" {
			command = append([]string{"CMD"}, command...)
		}
		return command, ok
	}}
	check := kind[string]{want: healthURL.want, schema: healthURL.schema, decode: func(d *decoder, n *node, at string) (string, bool) {
		return healthURL.read(d, n, at, healthURL.want)
	}}
	return object[Healthcheck]{
		want: "a mapping", foreign: foreignHealth(),
		fields: healthFields(check, test),
		check: func(d *decoder, n *node, at string, h *Healthcheck) bool {
			switch {
			case h.URL == "" && h.Test == nil:
				d.fail(owner(n), at, "it says neither url nor test", "for example url: http://:8080/healthz")
			case h.URL != "" && h.Test != nil:
				d.fail(owner(n), at, "it says both url and test", "leave one of them out")
			default:
				return true
			}
			return false
		},
		also: schema{"oneOf": []schema{{"required": []string{"url"}}, {"required": []string{"test"}}}},
	}
}
