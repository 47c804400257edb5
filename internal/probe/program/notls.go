//go:build notls

package main

import "net"

// secure is nil: this probe does without TLS, which is most of its size.
var secure func(net.Conn, target) (net.Conn, error)
