// Package secrets finds secrets by their shape: in the values of a configuration
// ([InValue]), by the names of files ([InFileName]) and in content that streams past
// ([Scanner]).
//
// It exists so that nobody ships a key by accident: an image is copied to places
// where its author can't take anything back. So it looks for what is certainly a
// secret, by anchored shapes (a prefix that its issuer chose, an alphabet, a length,
// randomness) and says nothing of what might be one. Placeholders and references to
// secrets kept elsewhere are no secrets. It is not for auditing: who means to hide a
// secret from it, can, for instance in an archive.
//
// What it promises:
//
//   - No part of a secret is in a [Finding].
//   - A result depends on the bytes alone, never on how a stream was cut.
//   - A scanner needs 64 KiB, whatever the size of the content, and looks at some
//     hundreds of MB a second.
//
// It is pure: it opens no file and asks nobody whether a key is valid. Why the rules
// are ours is told in docs/adr/0009-secret-detection.md.
package secrets

// Finding is a secret that was found.
type Finding struct {
	// Rule is the kind of secret, for people: "private key", "GitHub token".
	Rule string
	// Line is where it begins in a file, from 1; 0 where the whole file or value is
	// meant.
	Line int
	// What is the key or the path of what was looked at.
	What string
}
