// Package keychain finds and stores credentials for registries where docker and
// podman keep theirs.
//
// What it promises:
//
//   - Whoever is logged in with docker or podman is logged in with imgo, including
//     by credential helpers and identity tokens.
//   - Nothing is read and no helper is run before the first question, and each at
//     most once.
//   - A configuration that can't be read, or a helper that fails, is an error and not
//     an anonymous request that fails later for no visible reason; unless another
//     file has an answer. No credentials at all is no error.
//   - Neither errors nor anything else that it returns, except the answer itself,
//     contains a secret.
//
// Files are asked in this order, and the first that knows the registry wins:
// $REGISTRY_AUTH_FILE, docker's config.json, podman's auth.json below
// $XDG_RUNTIME_DIR and below ~/.config. Within a file the most specific entry wins:
// podman's may name a repository or a part of its path.
//
// It does not ask registries whether credentials are right.
package keychain
