#include "registry_flags.h"

#include <kube/url.h>

void registry_flags_add(struct registry_flags *r, struct flag *flags)
{
	const struct flag own[REGISTRY_FLAGS] = {
		FLAG_STRINGS("registry-mirror", &r->mirrors, NULL, "HOST=URL",
			"Ask there before this registry (* for all without mirrors of their own); "
			"may be given several times."),
		FLAG_STRINGS("insecure-registry", &r->insecure, NULL, "HOST[:PORT]",
			"Reach this registry by plain http."),
		FLAG_STRING("registry-ca", &r->authorities, "", "FILE",
			"Authorities that registries are verified by, instead of the system's."),
	};

	memcpy(flags, own, sizeof(own));
}

/* All names of Docker's own registry stand for one in references to images. */
static struct str host_of(struct str host)
{
	static const char *const names[] = {"index.docker.io", "registry-1.docker.io"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (str_eq_text(host, names[i]))
			return STR("docker.io");
	return host;
}

static bool is_host(struct str host)
{
	for (size_t i = 0; i < host.len; i++)
		if (host.at[i] <= ' ' || strchr("/@?#", host.at[i]))
			return false;
	return host.len > 0;
}

static bool is_mirror(struct arena *a, struct str text)
{
	struct url url;

	return !url_parse(a, text, &url, NULL) && url.host.len && !url.has_query &&
	       !url.fragment.len &&
	       (str_starts(text, STR("https://")) || str_starts(text, STR("http://")));
}

static struct image_registry *find(struct registry_setup *setup, struct str host)
{
	for (size_t i = 0; i < setup->count; i++)
		if (str_eq(setup->registries[i].host, host))
			return &setup->registries[i];
	setup->registries[setup->count] = (struct image_registry){.host = host};
	return &setup->registries[setup->count++];
}

static int read_mirror(struct arena *a, struct registry_setup *setup, struct str text, size_t most,
	struct err *err)
{
	struct str host, url;

	if (!str_cut(text, '=', &host, &url) || !is_host(host) || !is_mirror(a, url))
		return err_set(err, ERR_USAGE,
			"--registry-mirror: \"%.*s\" is not HOST=URL, as "
			"docker.io=https://mirror.example",
			STRF(text));
	struct image_registry *r = find(setup, host_of(host));
	struct str *mirrors = arena_alloc(a, most * sizeof(*mirrors));
	if (r->mirror_count)
		memcpy(mirrors, r->mirrors, r->mirror_count * sizeof(*mirrors));
	mirrors[r->mirror_count++] = url;
	r->mirrors = mirrors;
	return 0;
}

int registry_flags_read(struct arena *a, const struct registry_flags *r,
	struct registry_setup *setup, struct err *err)
{
	size_t most = r->mirrors.count + r->insecure.count + 1;

	*setup = (struct registry_setup){
		.registries = arena_alloc(a, most * sizeof(*setup->registries)),
		.authorities = r->authorities.len ? arena_str(a, r->authorities).at : NULL};
	for (size_t i = 0; i < r->mirrors.count; i++)
		if (read_mirror(a, setup, r->mirrors.items[i], most, err))
			return err->code;
	for (size_t i = 0; i < r->insecure.count; i++) {
		struct str host = r->insecure.items[i];

		if (!is_host(host) || str_eq(host, STR(IMAGE_REGISTRY_ANY)))
			return err_set(err, ERR_USAGE,
				"--insecure-registry: \"%.*s\" is not HOST or HOST:PORT",
				STRF(host));
		find(setup, host_of(host))->insecure = true;
	}
	return 0;
}
