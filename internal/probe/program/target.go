package main

import (
	"errors"
	"net"
	"strings"
)

// target is where to ask for what.
type target struct {
	scheme  string // http, https or tcp
	address string // host:port to connect to
	host    string // without port and brackets
	header  string // the host as it goes into the request
	path    string // with the query
}

// parseTarget reads a URL. imgo has checked it; what is checked again is what would
// do harm.
func parseTarget(rawURL string) (target, error) {
	scheme, rest, ok := strings.Cut(rawURL, "://")
	port, known := map[string]string{"http": "80", "https": "443", "tcp": ""}[scheme]
	if !ok || !known {
		return target{}, errors.New("the URL begins neither with http://, https:// nor tcp://")
	}
	if scheme == "https" && secure == nil {
		return target{}, errors.New("this probe was built without https")
	}
	authority, path := rest, "/"
	if i := strings.IndexAny(rest, "/?"); i >= 0 {
		authority, path = rest[:i], rest[i:]
		if path[0] == '?' {
			path = "/" + path
		}
	}
	for _, c := range []byte(rest) {
		if c <= ' ' || c > '~' || c == '#' || c == '@' && strings.Contains(authority, "@") {
			return target{}, errors.New("the URL contains what it must not")
		}
	}
	host, given, err := net.SplitHostPort(authority)
	if err != nil {
		host = strings.TrimSuffix(strings.TrimPrefix(authority, "["), "]")
		if given = port; given == "" {
			return target{}, errors.New("the URL lacks a port")
		}
	}
	if host == "" {
		host = "127.0.0.1"
		authority = host + authority
	}
	return target{scheme: scheme, address: net.JoinHostPort(host, given), host: host, header: authority, path: path}, nil
}
