// SPDX-License-Identifier: MIT
/* Loads copies of an enclave: each is a shared object in a memfd of its own, so that the loader
 * gives each its own data. */
#include "simulate/module.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/span.h"

#define PAGE ((uintptr_t)4096)

enum { ROLES = ROLE_DRIVER + 1 };

static struct module_copy *pool[ROLES];

static _Noreturn void fail(const char *path, const char *why)
{
	(void)fprintf(stderr, "simulate: %s: %s\n", path, why);
	exit(2);
}

/* A memfd with the file's bytes: the loader takes each for another library. */
static void copy_name(const char *path, char *ret_name, size_t capacity)
{
	int from = open(path, O_RDONLY | O_CLOEXEC), to = memfd_create("enclave", MFD_CLOEXEC);
	struct stat st;

	if (from < 0 || to < 0 || fstat(from, &st) != 0)
		fail(path, "cannot be read");
	for (off_t at = 0; at < st.st_size;)
		if (sendfile(to, from, &at, (size_t)(st.st_size - at)) <= 0)
			fail(path, "cannot be copied");
	(void)close(from);
	(void)snprintf(ret_name, capacity, "/proc/self/fd/%d", to);
}

static uintptr_t page_up(uintptr_t address) { return (address + PAGE - 1) & ~(PAGE - 1); }

/* The part of the writable segment that stays writable: after what the loader has relocated and
 * locked. */
static void find_data(struct module_copy *copy, const struct dl_phdr_info *info)
{
	uintptr_t locked_end = 0;

	for (int i = 0; i < info->dlpi_phnum; i++)
		if (info->dlpi_phdr[i].p_type == PT_GNU_RELRO)
			locked_end = page_up(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr +
					     info->dlpi_phdr[i].p_memsz - PAGE + 1);
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *h = &info->dlpi_phdr[i];
		uintptr_t start = info->dlpi_addr + h->p_vaddr, end = start + h->p_filesz;

		if (h->p_type != PT_LOAD || (h->p_flags & PF_W) == 0)
			continue;
		if (start < locked_end)
			start = locked_end;
		if (end < start)
			end = start;
		copy->data = (uint8_t *)start;
		copy->data_size = end - start;
		copy->bss = (uint8_t *)end;
		copy->bss_size = info->dlpi_addr + h->p_vaddr + h->p_memsz - end;
	}
}

struct search {
	const char *name;
	struct module_copy *copy;
};

static int look_at(struct dl_phdr_info *info, size_t size, void *context)
{
	struct search *s = context;

	(void)size;
	if (strcmp(info->dlpi_name, s->name) != 0)
		return 0;
	find_data(s->copy, info);
	return 1;
}

static struct module_copy *load_one(const char *path)
{
	struct module_copy *copy = calloc(1, sizeof *copy);
	struct search search = {.copy = copy};
	char name[64];
	void *handle;

	copy_name(path, name, sizeof name);
	search.name = name;
	handle = dlopen(name, RTLD_NOW | RTLD_LOCAL);
	if (handle == NULL || copy == NULL)
		fail(path, handle == NULL ? dlerror() : "no memory");
	*(void **)&copy->main = dlsym(handle, "enclave_main");
	if (copy->main == NULL || dl_iterate_phdr(look_at, &search) == 0)
		fail(path, "is no enclave");
	copy->saved = malloc(copy->data_size + 1);
	if (copy->saved == NULL)
		fail(path, "no memory");
	memcpy(copy->saved, copy->data, copy->data_size);
	return copy;
}

void module_load(enum enclave_role role, const char *path, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		struct module_copy *copy = load_one(path);

		copy->next = pool[role];
		pool[role] = copy;
	}
}

bool module_has(enum enclave_role role) { return pool[role] != NULL; }

struct module_copy *module_take(enum enclave_role role)
{
	struct module_copy *copy = pool[role];

	if (copy == NULL)
		fail("enclaves", "too many at once");
	pool[role] = copy->next;
	return copy;
}

/* Whole pages of a private mapping are forgotten: what the file has, or zeros, is there at the next
 * use. */
static void forget_pages(uintptr_t start, uintptr_t end, const char *what)
{
	if (end > start && madvise((void *)start, end - start, MADV_DONTNEED) != 0)
		fail("enclaves", what);
}

/* What the loader made of the file's data: only pages that hold something are written anew. */
static void restore_data(const struct module_copy *copy)
{
	uintptr_t start = (uintptr_t)copy->data, end = start + copy->data_size,
		  first = page_up(start), last = end & ~(PAGE - 1);
	static const uint8_t zeros[4096];

	if (last <= first) {
		memcpy(copy->data, copy->saved, copy->data_size);
		return;
	}
	forget_pages(first, last, "their data cannot be reset");
	memcpy(copy->data, copy->saved, first - start);
	for (uintptr_t page = first; page < last; page += PAGE)
		if (memcmp(copy->saved + (page - start), zeros, PAGE) != 0)
			memcpy((void *)page, copy->saved + (page - start), PAGE);
	memcpy((void *)last, copy->saved + (last - start), end - last);
}

void module_give_back(enum enclave_role role, struct module_copy *copy)
{
	uintptr_t bss = (uintptr_t)copy->bss, whole = page_up(bss), end = bss + copy->bss_size;

	restore_data(copy);
	if (whole > end)
		whole = end;
	memset(copy->bss, 0, whole - bss);
	forget_pages(whole, end, "their variables cannot be reset");
	copy->next = pool[role];
	pool[role] = copy;
}
