"""What Numba lacks for stencils: loads and stores known not to overlap, and atomics.

Numba cannot say that two arrays do not overlap (C's `restrict`). A stencil reads from
six or more places and writes to two, so LLVM would have to test every pair before each
row; it gives up and computes cell by cell. `load` and `store` carry LLVM's alias scopes
instead: within one function, no `load` reads what a `store` writes. The function is
never inlined, so that the promise does not reach its callers.
"""

from llvmlite import ir
from numba import types
from numba.extending import intrinsic


def _place(arguments):
    return arguments[0], [arguments[1]]


def _element(context, builder, signature, arguments):
    array = context.make_array(signature.args[0])(context, builder, arguments[0])
    return builder.gep(array.data, [arguments[1]], inbounds=True)


def _promise(builder, instruction, kind):
    module = builder.module
    domain = module.add_metadata([ir.MetaDataString(module, "rdtf")])
    scope = module.add_metadata([ir.MetaDataString(module, "rdtf load"), domain])
    instruction.set_metadata(kind, module.add_metadata([scope]))
    builder.function.attributes.add("noinline")


@intrinsic
def load(typing_context, address, index):
    """address[index], from memory that no `store` of this function writes."""

    def generate(context, builder, signature, arguments):
        value = builder.load(builder.gep(*_place(arguments), inbounds=True), align=8)
        _promise(builder, value, "alias.scope")
        return value

    return types.float64(address, types.intp), generate


@intrinsic
def store(typing_context, address, index, value):
    """address[index] = value, in memory that no `load` of this function reads."""

    def generate(context, builder, signature, arguments):
        place = builder.gep(*_place(arguments), inbounds=True)
        _promise(builder, builder.store(arguments[2], place, align=8), "noalias")
        return context.get_dummy_value()

    return types.void(address, types.intp, types.float64), generate


@intrinsic
def pointer(typing_context, array, index):
    """The address of array[index], for kernels."""

    def generate(context, builder, signature, arguments):
        return _element(context, builder, signature, arguments)

    return types.CPointer(array.dtype)(array, types.intp), generate


@intrinsic
def at_address(typing_context, address):
    """An integer as the address of doubles."""

    def generate(context, builder, signature, arguments):
        return builder.inttoptr(arguments[0], ir.DoubleType().as_pointer())

    return types.CPointer(types.float64)(types.int64), generate


@intrinsic
def load_acquire(typing_context, array, index):
    """array[index], read before whatever this thread reads or writes next."""

    def generate(context, builder, signature, arguments):
        place = _element(context, builder, signature, arguments)
        return builder.load_atomic(place, "acquire", 8)

    return array.dtype(array, types.intp), generate


@intrinsic
def store_release(typing_context, array, index, value):
    """array[index] = value, seen by others after all that this thread wrote before."""

    def generate(context, builder, signature, arguments):
        place = _element(context, builder, signature, arguments)
        builder.store_atomic(arguments[2], place, "release", 8)
        return context.get_dummy_value()

    return types.void(array, types.intp, array.dtype), generate


@intrinsic
def bits(typing_context, value):
    """The bits of a double as an integer; of positive doubles they are ordered alike."""

    def generate(context, builder, signature, arguments):
        return builder.bitcast(arguments[0], ir.IntType(64))

    return types.int64(types.float64), generate


@intrinsic
def from_bits(typing_context, value):
    """The double of these bits."""

    def generate(context, builder, signature, arguments):
        return builder.bitcast(arguments[0], ir.DoubleType())

    return types.float64(types.int64), generate
