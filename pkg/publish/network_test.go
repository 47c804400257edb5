package publish_test

import (
	"net"
	"net/http"
)

// resolver is a network in which every connection ends in an error.
type resolver func(host string) error

func (r resolver) RoundTrip(req *http.Request) (*http.Response, error) {
	return nil, r(req.URL.Hostname())
}

func noSuchHost(host string) error {
	return &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
}

// redirect is a network in which all names lead to one machine.
type redirect struct {
	to   string
	base http.RoundTripper
}

func (r redirect) RoundTrip(req *http.Request) (*http.Response, error) {
	clone := req.Clone(req.Context())
	clone.URL.Host = r.to
	resp, err := r.base.RoundTrip(clone)
	if resp != nil {
		resp.Request = req
	}
	return resp, err
}
