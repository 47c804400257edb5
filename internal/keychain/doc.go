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
// Registries of clouds are known by their hosts, and where no file has an answer, the
// login of the machine is used: GITHUB_TOKEN for GitHub's registry; Google's
// application default credentials, the metadata server or gcloud for Google's;
// docker-credential-ecr-login or aws for Amazon's; docker-credential-acr-env or az for
// Azure's. None of them is asked for a registry of anybody else, so a token goes to
// nobody but its maker. Programs take no secrets as arguments. docs/adr/0010 says why
// it is programs for some and a library for one.
//
// It does not ask registries whether credentials are right.
package keychain
