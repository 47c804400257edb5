package transport

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// PlainHTTPError is the refusal to speak unencrypted HTTP to a host of the network,
// where anybody on the way could read credentials and change what is pushed.
type PlainHTTPError struct {
	Host string // host or host:port
}

func (e *PlainHTTPError) Error() string {
	return fmt.Sprintf("%s speaks plain HTTP, which is not allowed for it", e.Host)
}

// PlainHTTPGuard returns a RoundTripper that answers with a [*PlainHTTPError]
// instead of sending a request over plain HTTP, except to this machine and to the
// allowed hosts. An allowed "host" stands for all of its ports, "host:port" for one.
func PlainHTTPGuard(base http.RoundTripper, allowed []string) http.RoundTripper {
	return &guard{base: base, allowed: allowed}
}

type guard struct {
	base    http.RoundTripper
	allowed []string
}

func (g *guard) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Scheme == "http" && !PlainHTTPAllowed(req.URL.Host, g.allowed) {
		if req.Body != nil {
			req.Body.Close()
		}
		return nil, &PlainHTTPError{Host: req.URL.Host}
	}
	return g.base.RoundTrip(req)
}

// PlainHTTPAllowed reports whether plain HTTP is accepted for a host or host:port:
// on loopback always, else if it is in the list.
func PlainHTTPAllowed(hostport string, allowed []string) bool {
	host := hostport
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = h
	}
	host = strings.Trim(host, "[]")
	return loopback(host) || slices.ContainsFunc(allowed, func(a string) bool {
		return strings.EqualFold(a, hostport) || strings.EqualFold(strings.Trim(a, "[]"), host)
	})
}

// loopback follows RFC 6761: localhost and the names below it never leave the
// machine.
func loopback(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback()
}
