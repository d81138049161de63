/* A stand-in for NVIDIA's management library, for machines without a GPU.
 *
 * STUB_NVML chooses the story: two (default), mismatch, unloaded, lost (GPU 1 falls off the bus after
 * STUB_NVML_LOST_AFTER readings), mig (GPU 1 is split in two). STUB_NVML_PID is a process on GPU 0.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OK = 0, INVALID = 2, NOT_SUPPORTED = 3, NOT_FOUND = 6, TOO_SMALL = 7, NOT_LOADED = 9, LOST = 15, MISMATCH = 18 };
enum { GIB = 1 << 30 };

typedef struct { int index; int instance; } Device; /* instance: -1 whole GPU, else a MIG instance's number */
typedef struct { unsigned long long total, free, used; } Memory;
typedef struct { unsigned int gpu, memory; } Utilization;
typedef struct { unsigned int pid; unsigned long long used; unsigned int gpu_instance, compute_instance; } Process;

static Device devices[2] = {{0, -1}, {1, -1}};
static Device instances[2] = {{1, 0}, {1, 1}};
static int readings_of_gpu_1;

static int story(const char *name) {
    const char *chosen = getenv("STUB_NVML");
    return strcmp(chosen ? chosen : "two", name) == 0;
}

static int lost(const Device *device) {
    const char *after = getenv("STUB_NVML_LOST_AFTER");
    return story("lost") && device->index == 1 && readings_of_gpu_1 > (after ? atoi(after) : 1);
}

int nvmlInitWithFlags(unsigned int flags) {
    (void)flags;
    if (story("mismatch")) return MISMATCH;
    if (story("unloaded")) return NOT_LOADED;
    return OK;
}
int nvmlShutdown(void) { return OK; }

int nvmlErrorString_code;
const char *nvmlErrorString(int code) { return code == LOST ? "GPU is lost" : "stub error"; }

int nvmlSystemGetDriverVersion(char *text, unsigned int size) { snprintf(text, size, "575.51.03"); return OK; }
/* STUB_NVML_CUDA is the CUDA version that this driver runs: 12090 is 12.9. */
int nvmlSystemGetCudaDriverVersion_v2(int *version) {
    const char *chosen = getenv("STUB_NVML_CUDA");
    *version = chosen ? atoi(chosen) : 12090;
    return OK;
}
int nvmlDeviceGetCount_v2(unsigned int *count) { *count = 2; return OK; }

int nvmlDeviceGetHandleByIndex_v2(unsigned int index, Device **device) {
    if (index > 1) return INVALID;
    if (index == 1) readings_of_gpu_1++;
    if (lost(&devices[index])) return LOST;
    *device = &devices[index];
    return OK;
}

int nvmlDeviceGetName(Device *device, char *text, unsigned int size) {
    if (lost(device)) return LOST;
    if (device->instance >= 0) snprintf(text, size, "NVIDIA A100 MIG 3g.40gb");
    else snprintf(text, size, device->index == 0 ? "NVIDIA A100-SXM4-80GB" : "Tesla T4");
    return OK;
}

int nvmlDeviceGetUUID(Device *device, char *text, unsigned int size) {
    if (device->instance >= 0) snprintf(text, size, "MIG-%d1111111-2222-3333-4444-555555555555", device->instance);
    else snprintf(text, size, "GPU-%d1234567-89ab-cdef-0123-456789abcdef", device->index);
    return OK;
}

int nvmlDeviceGetMemoryInfo(Device *device, Memory *memory) {
    if (lost(device)) return LOST;
    memory->total = (device->instance >= 0 ? 40ULL : device->index == 0 ? 80ULL : 16ULL) * GIB;
    memory->used = (device->index == 0 ? 12ULL : 1ULL) * GIB;
    memory->free = memory->total - memory->used;
    return OK;
}

int nvmlDeviceGetUtilizationRates(Device *device, Utilization *load) {
    if (device->instance >= 0) return NOT_SUPPORTED;
    load->gpu = 37 + device->index; load->memory = 11;
    return lost(device) ? LOST : OK;
}

int nvmlDeviceGetTemperature(Device *device, int sensor, unsigned int *celsius) {
    (void)sensor;
    *celsius = 41 + device->index;
    return lost(device) ? LOST : OK;
}

/* The T4 of this story does not report its power. */
int nvmlDeviceGetPowerUsage(Device *device, unsigned int *milliwatts) {
    if (device->index == 1) return NOT_SUPPORTED;
    *milliwatts = 123456;
    return OK;
}
int nvmlDeviceGetEnforcedPowerLimit(Device *device, unsigned int *milliwatts) {
    if (device->index == 1) return NOT_SUPPORTED;
    *milliwatts = 400000;
    return OK;
}

int nvmlDeviceGetCudaComputeCapability(Device *device, int *major, int *minor) {
    if (device->instance >= 0) return NOT_SUPPORTED;
    *major = device->index == 0 ? 8 : 7;
    *minor = device->index == 0 ? 0 : 5;
    return OK;
}

int nvmlDeviceGetMigMode(Device *device, unsigned int *current, unsigned int *pending) {
    if (device->instance >= 0) return INVALID;
    *current = *pending = story("mig") && device->index == 1;
    return OK;
}
int nvmlDeviceGetMaxMigDeviceCount(Device *device, unsigned int *count) { (void)device; *count = 7; return OK; }
int nvmlDeviceGetMigDeviceHandleByIndex(Device *device, unsigned int number, Device **instance) {
    (void)device;
    if (number > 1) return NOT_FOUND;
    *instance = &instances[number];
    return OK;
}

int nvmlDeviceGetComputeRunningProcesses_v3(Device *device, unsigned int *count, Process *processes) {
    const char *pid = getenv("STUB_NVML_PID");
    unsigned int room = *count;
    if (device->index == 1) { *count = 0; return OK; }
    *count = pid ? 2 : 1;
    if (room < *count) return TOO_SMALL;
    processes[0] = (Process){4194000, 1ULL * GIB, 0, 0}; /* a process of another container: no such pid here */
    if (pid) processes[1] = (Process){(unsigned int)atoi(pid), 11ULL * GIB, 0, 0};
    return OK;
}
int nvmlDeviceGetGraphicsRunningProcesses_v3(Device *device, unsigned int *count, Process *processes) {
    (void)device; (void)processes;
    *count = 0;
    return OK;
}
