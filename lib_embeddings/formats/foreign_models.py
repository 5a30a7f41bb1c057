"""Models that people download beside embeddings, by the names of their tensors.

A sign is a piece of the text that all names of a file make, with a `.` before each name and a `$`
after it; a sign of several pieces, joined by `+`, needs them all. The first model with a matching
sign wins, so models made of other models' parts come first: a FaceID model holds a LoRA, an
IP-Adapter a CLIP, a checkpoint everything.
"""

from __future__ import annotations

from typing import NamedTuple


class ForeignModel(NamedTuple):
    """A kind of model.

    Attributes:
        title: what it is, with its article.
        advice: the rest of the sentence, with its punctuation: where it belongs, or that it is not
            an embedding.
        signs: any one of them is enough.
    """

    title: str
    advice: str
    signs: tuple[tuple[str, ...], ...]


def _model(title: str, folder: str | None, signs: str) -> ForeignModel:
    advice = f"; it belongs in {folder}" if folder else ", not an embedding"
    return ForeignModel(title, advice, tuple(tuple(sign.split("+")) for sign in signs.split()))


_CHECKPOINT = "models/Stable-diffusion"
_CONTROLNET = "models/ControlNet"
_LORA = "models/Lora"
_TEXT_ENCODER = "models/text_encoder"
_UPSCALER = "models/ESRGAN"
_VAE = "models/VAE"
_COMFY_MODEL = "ComfyUI's models/diffusion_models"
_COMFY_VISION = "ComfyUI's models/clip_vision"

_ADAPTERS = (
    _model("a PhotoMaker model", _CONTROLNET, ".id_encoder.+.lora_weights."),
    _model(
        "an IP-Adapter FaceID model",
        _CONTROLNET,
        ".ip_adapter.+_lora.down. .ip_adapter.+.to_k_lora. .image_proj.+.perceiver_resampler.",
    ),
    _model(
        "an IP-Adapter",
        _CONTROLNET,
        ".image_proj. .ip_adapter. .ip_adapter_proj_model. .to_k_ip. .image_proj_model.",
    ),
    _model(
        "a PuLID model",
        _CONTROLNET,
        ".pulid_ca. .pulid_encoder. .id_adapter. .id_adapter_attn_layers.",
    ),
    _model("a ControlLLLite model", _CONTROLNET, ".lllite_"),
    _model("a Control-LoRA", _CONTROLNET, ".lora_controlnet$"),
    _model(
        "a T2I-Adapter",
        _CONTROLNET,
        ".adapter.body. .body.0.in_conv. .body.0.block1. .body.0.resnets.0.block1. "
        ".transformer_layes. .spatial_ch_projs.",
    ),
    _model(
        "a SparseCtrl model for AnimateDiff",
        _CONTROLNET,
        "motion_modules.+controlnet_cond_embedding. motion_modules.+input_hint_block.",
    ),
    _model("a motion LoRA for AnimateDiff", _LORA, "motion_modules.+lora"),
    _model(
        "a motion module for AnimateDiff",
        "extensions/sd-webui-animatediff/model",
        "motion_modules. .temporal_transformer. .temporal_attentions.",
    ),
    _model(
        "weights of Custom Diffusion, which only diffusers uses",
        None,
        "_custom_diffusion. .modifier_token.",
    ),
    _model(
        "a prompt that peft trained for a language model",
        None,
        ".prompt_embeddings$ .prompt_encoder.default .prompt_embeddings. .prefix_encoder. "
        ".adaption_prompt$ .adaption_gate$",
    ),
    _model("prompts that CoOp has learned for CLIP", None, ".prompt_learner."),
    _model(
        "a LayerDiffuse model",
        "models/layer_model",
        "::lora::0$ ::diff::0$ .latent_conv_in. .transparent_decoder. .transparent_encoder.",
    ),
    _model("a Flux Redux model", "ComfyUI's models/style_models", ".redux_up."),
    _model("an ELLA model", None, ".connector.latents$ .connector.time_embedding."),
    _model("a GLIGEN model", "ComfyUI's models/gligen", ".position_net."),
)

# As trainers name them: kohya, diffusers and peft, cloneofsimo, LyCORIS, peft's other methods.
_LORAS = (
    _model(
        "a LoRA",
        _LORA,
        "lora_unet lora_te lora_transformer lora_prior .lora_up. .lora_down. .lora_mid. "
        ".lora_A. .lora_B. .lora_A$ .lora_B$ .lora_E$ _lora. .lora. .lora_linear_layer. _lora1. "
        "_lora2. .lora_embedding_ .lora_magnitude_vector :up$ :down$ .dora_scale$ lycoris_ .hada_w "
        ".hada_t .lokr_w .lokr_t .oft_blocks .oft_diag .on_input$ .w_norm$ .b_norm$ .diff$ .diff_b$"
        " .a1.weight$+.b1.weight$ .ia3_l .vera_lambda_ .boft_R .boft_s .oft_R .oft_r .oft_s "
        ".fourierft_spectrum .hra_u .vblora_ .bone_ .miss_block .randlora_ .c3a_kernel "
        ".shira_weight .road_theta .trainable_tokens_ .internal_xlora_",
    ),
    _model("spectral shifts of SVDiff, which only diffusers uses", None, ".delta$"),
    _model(
        "layers of a model that peft has trained",
        None,
        ".ln_tuning_layers. .modules_to_save. .base_model.model.",
    ),
)

_CONTROLNETS = (
    _model("a BrushNet model", "ComfyUI's models/inpaint", ".brushnet_"),
    _model(
        "a ControlNet",
        _CONTROLNET,
        ".control_model. .input_hint_block. .controlnet_ .pos_embed_input. .control_add_embedding. "
        ".zero_convs.",
    ),
)

_PICTURE_MODELS = (
    _model("a GFPGAN model", "models/GFPGAN", ".stylegan_decoder. .conv_body_first."),
    _model("a CodeFormer model", "models/Codeformer", ".fuse_convs_dict. .idx_pred_layer."),
    _model("a face detector", "models/GFPGAN", ".BboxHead. .ClassHead."),
    _model("a ScuNET upscaler", "models/ScuNET", ".m_head.0.+.m_down1."),
    _model("a SwinIR upscaler", "models/SwinIR", ".residual_group.+.relative_position_bias_table$"),
    _model("a HAT upscaler", "models/HAT", ".relative_position_index_SA$ .overlap_attn."),
    _model("a DAT upscaler", "models/DAT", ".attn.attns.0."),
    _model(
        "an upscaler",
        _UPSCALER,
        ".RDB1. .rdb1. .RRDB_trunk. .model.1.sub.0. .body.0.weight$+.body.1.weight$ .block_1.c1_r. "
        ".feats.0.weight$ .conv_before_upsample.",
    ),
    _model("a model for segmentation (SAM)", "models/sam", ".mask_decoder. .sam_mask_decoder."),
    _model("a detector (GroundingDINO)", None, ".bbox_embed.+.feat_map. .bbox_embed.+.bert."),
    _model("a detector (YOLO)", "models/adetailer", ".dfl.conv. .model.0.conv.+.model.1.conv."),
    _model(
        "an annotator for ControlNet",
        "extensions/sd-webui-controlnet/annotator/downloads",
        ".scratch.refinenet .depth_head. .model0.conv1_1. .netNetwork. .depth_model. "
        ".Mconv1_stage2 .netVggOne.",
    ),
    _model("a captioning model (BLIP)", "models/BLIP", ".visual_encoder.+.text_decoder. .Qformer."),
    _model("a tagger (DeepDanbooru)", "models/torch_deepdanbooru", ".n_Conv_0."),
    _model("an inpainting model (LaMa)", None, ".generator.model. .model.1.ffc."),
)

_VAES = (
    _model(
        "a checkpoint",
        _CHECKPOINT,
        ".model.diffusion_model. .cond_stage_model. .conditioner.embedders.",
    ),
    _model(
        "a TAESD model",
        "models/VAE-taesd",
        ".taesd_ .decoder.layers.0.weight$ .encoder.layers.0.weight$+.encoder.layers.1.conv. "
        ".1.weight$+.3.conv.0.weight$ .0.weight$+.1.conv.0.weight$",
    ),
    _model("a VAE approximation", "models/VAE-approx", ".conv1.weight$+.conv8.weight$"),
    _model(
        "a VAE",
        _VAE,
        ".first_stage_model. .decoder.up. .encoder.down. .quant_conv. .post_quant_conv. "
        ".decoder.mid. .decoder.mid_block. .encoder.down_blocks. .decoder.up_blocks. "
        ".decoder.upsamples. .encoder.downsamples. .decoder.middle. .decoder.project_in. "
        ".encoder.project_in. .per_channel_statistics. .vae.",
    ),
)

_CHECKPOINTS = (
    _model("a Chroma model", _CHECKPOINT, ".distilled_guidance_layer."),
    _model(
        "a HunyuanVideo model",
        _COMFY_MODEL,
        ".individual_token_refiner. .context_embedder.token_refiner.",
    ),
    _model("a HunyuanDiT model", _COMFY_MODEL, ".mlp_t5. .text_embedder.+.style_embedder."),
    _model("a HiDream model", _COMFY_MODEL, ".double_stream_blocks. .caption_projection.0.linear."),
    _model("a Qwen-Image model", _COMFY_MODEL, ".txt_norm.weight$ .img_mod.1.+.txt_mod.1."),
    _model(
        "a Flux model", _CHECKPOINT, ".double_blocks. .single_blocks. .single_transformer_blocks."
    ),
    _model("an SD 3.x model", _CHECKPOINT, ".joint_blocks. .attn.add_q_proj.+.pos_embed."),
    _model(
        "a Wan model",
        _COMFY_MODEL,
        ".head.modulation$ .vace_blocks. .blocks.0.modulation$ .condition_embedder.text_embedder.",
    ),
    _model(
        "a Lumina or Z-Image model",
        _COMFY_MODEL,
        ".cap_embedder. .noise_refiner. .context_refiner. .all_x_embedder. .time_caption_embed.",
    ),
    _model(
        "an OmniGen model",
        None,
        ".input_x_embedder. .time_token. .patch_embedding.input_image_proj.",
    ),
    _model("an AuraFlow model", _COMFY_MODEL, ".double_layers. .joint_transformer_blocks."),
    _model("a Mochi model", _COMFY_MODEL, ".t5_yproj. .t5_y_embedder."),
    _model("a Cosmos model", _COMFY_MODEL, ".blocks.block0. .adaln_modulation_self_attn."),
    _model("an LTX-Video model", _COMFY_MODEL, ".patchify_proj."),
    _model("a Stable Cascade model", _CHECKPOINT, ".clip_txt_mapper. .clip_mapper. .clf.1."),
    _model(
        "a PixArt or Sana model",
        _COMFY_MODEL,
        ".t_block.1. .adaln_single. .caption_norm.weight$ .attention_y_norm.",
    ),
    _model(
        "a CogVideoX model", _COMFY_MODEL, ".patch_embed.text_proj. .norm1.linear.+.norm2.linear."
    ),
    _model("a Kandinsky model", None, ".visual_transformer_blocks. .text_transformer_blocks."),
    _model("an audio model", None, ".rotary_pos_emb.inv_freq$ .genre_embedder."),
    _model("a quantised model (Nunchaku)", _COMFY_MODEL, ".qweight$+.wscales$ .smooth_orig$"),
    _model(
        "a checkpoint",
        _CHECKPOINT,
        ".down_blocks. .mid_block. .up_blocks. .transformer_blocks. .input_blocks.0. "
        ".output_blocks.0. .middle_block. .time_embed.0. .diffusion_model.",
    ),
)

_ENCODERS = (
    _model(
        "a CLIP vision model",
        _COMFY_VISION,
        ".vision_model. .visual.transformer. .visual_projection. .visual.conv1. .visual.trunk. "
        ".encoder.layer.0.attention.attention. .embeddings.patch_embeddings.",
    ),
    _model(
        "a text encoder",
        _TEXT_ENCODER,
        ".text_model. .encoder.block. .transformer.resblocks. .shared.weight$ .bert.encoder. "
        ".token_embedding.weight$ .embed_tokens.weight$ .model.layers.0.self_attn. .tok_embeddings."
        " .word_embeddings.weight$+.encoder.layers. .text_projection.weight$ .language_model. "
        ".token_embd.weight$ .blk.0.attn_q. .blk.0.attn_k.",
    ),
    _model("a vision model", None, ".patch_embed.proj. .cls_token$"),
)

MODELS: tuple[ForeignModel, ...] = (
    *_ADAPTERS,
    *_LORAS,
    *_CONTROLNETS,
    *_PICTURE_MODELS,
    *_VAES,
    *_CHECKPOINTS,
    *_ENCODERS,
)
