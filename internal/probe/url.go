package probe

import (
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
)

// URLError says that a URL can't be probed.
type URLError struct {
	URL    string // without credentials; empty where they can't be told apart
	Reason string
}

func (e *URLError) Error() string {
	if e.URL == "" {
		return "the URL " + e.Reason
	}
	return fmt.Sprintf("the URL %q %s", e.URL, e.Reason)
}

const maxURL = 2048

// ParseURL checks a URL: http://, https:// or tcp://, with an optional host, which is
// the container itself where it is missing. Errors are of type *URLError.
func ParseURL(rawURL string) error {
	_, err := parse(rawURL)
	return err
}

func parse(rawURL string) (*url.URL, error) {
	u, err := url.Parse(rawURL)
	if err != nil || len(rawURL) > maxURL {
		// The parser's error repeats the URL.
		return nil, &URLError{Reason: "can't be read"}
	}
	bad := func(format string, args ...any) (*url.URL, error) {
		return nil, &URLError{URL: u.Redacted(), Reason: fmt.Sprintf(format, args...)}
	}
	switch u.Scheme {
	case "http", "https", "tcp":
	case "":
		return bad("lacks http://, https:// or tcp://")
	default:
		return bad("begins with %s://, which is none of http, https and tcp", u.Scheme)
	}
	switch host := u.Hostname(); {
	case u.Opaque != "" || u.Host == "":
		return bad("lacks a host or a port: write %s://:8080", u.Scheme)
	case u.User != nil:
		return bad("contains credentials, which everybody could read in the image")
	case u.Fragment != "" || strings.HasSuffix(rawURL, "#"):
		return bad("has a fragment, which is never sent")
	case strings.Contains(host, ":") && net.ParseIP(host) == nil:
		return bad("has a host that is no IP address")
	case strings.ContainsFunc(host, func(r rune) bool { return !isHostRune(r) }):
		return bad("has a host with a character that no host has")
	}
	port := u.Port()
	if port == "" && (u.Scheme == "tcp" || strings.HasSuffix(u.Host, ":")) {
		return bad("lacks a port")
	}
	if n, err := strconv.ParseUint(port, 10, 16); port != "" && (err != nil || n == 0) {
		return bad("has the port %s, which is not between 1 and 65535", port)
	}
	if u.Scheme == "tcp" && (u.Path != "" || u.RawQuery != "" || u.ForceQuery) {
		return bad("has a path, which tcp:// does without")
	}
	return u, nil
}

func isHostRune(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("-._:", r)
}

// normalize puts the loopback address where the host is missing, and escapes what a
// request can't contain. A URL that can't be read is left for the probe to refuse.
func normalize(rawURL string) string {
	u, err := parse(rawURL)
	if err != nil {
		return rawURL
	}
	if u.Hostname() == "" {
		u.Host = net.JoinHostPort("127.0.0.1", u.Port())
	}
	if u.Path == "" && u.Scheme != "tcp" {
		u.Path = "/"
	}
	u.RawQuery = escapeQuery(u.RawQuery)
	return u.String()
}

// escapeQuery escapes what package url passes on in a query as it is.
func escapeQuery(query string) string {
	var b strings.Builder
	for _, c := range []byte(query) {
		if c <= ' ' || c > '~' {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}
