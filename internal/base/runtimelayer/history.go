package runtimelayer

// History is what an image's history says of the layer.
const History = "imgo: runtime layer (CA roots of golang.org/x/crypto/x509roots " + CARoots + ", tzdata " + TZData + ")"

// Version names the layer among all that there ever were: the beginning of its
// digest.
func Version() string { return digestHex[:12] }
